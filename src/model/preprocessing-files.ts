import { LrpError } from '../core/errors.js'
import { INTERPOLATIONS, type Interpolation, type Preprocessing } from '../core/graph.js'

type Json = Record<string, unknown>
type Size = [number, number]

/** PIL's numbers for interpolation, as Hugging Face writes them. */
const RESAMPLE = ['nearest', 'lanczos', 'bilinear', 'bicubic', 'box', 'hamming']
/** Hugging Face's processors whose `size` as one number means the shorter side; for others it means a square. */
const SHORTER_SIDE = /^(CLIP|ChineseCLIP|BiT|Bit|ConvNext|LeViT|Levit|MobileNet|Poolformer|VideoMAE|Flava)/
/** What CLIP and others mean by a crop that they do not write down. */
const CROPS_BY_DEFAULT = /^(CLIP|Bit|BiT|Deit|DeiT|Levit|LeViT|MobileNet)/

/**
 * The preprocessing in another library's file: Hugging Face's `preprocessor_config.json`, timm's `config.json` with its
 * `pretrained_cfg`, or a `pretrained_cfg` alone. Undefined for any other file.
 * @throws LrpError UNSUPPORTED for steps that are not done here, naming the key
 */
export function foreignPreprocessing(json: unknown, path: string): Preprocessing | undefined {
  if (typeof json !== 'object' || json === null) return undefined
  const file = json as Json
  const timm = (file.pretrained_cfg ?? file) as Json
  if (Array.isArray(timm.input_size)) return new Reader(timm, path).timm()
  const isHugging = ['image_processor_type', 'feature_extractor_type', 'image_mean', 'do_resize', 'do_normalize']
  return isHugging.some((key) => key in file) ? new Reader(file, path).huggingFace() : undefined
}

class Reader {
  constructor(
    private readonly file: Json,
    private readonly path: string
  ) {}

  /** timm's transform for evaluation: the shorter side to input size / crop_pct, and the middle. */
  timm(): Preprocessing {
    const [channels, height, width] = this.numbers('input_size') as [number, number, number]
    const { crop_pct: share = 0.875, crop_mode: mode = 'center' } = this.file
    if (mode !== 'center' && mode !== 'squash') throw this.unsupported('crop_mode', mode)
    if (!isPositive(share)) throw this.unsupported('crop_pct', share)
    const size: Size = [Math.floor(height / share), Math.floor(width / share)]
    const isSquare = size[0] === size[1] && mode === 'center'
    return {
      resize: isSquare ? size[0] : mode === 'squash' ? size : this.scaled(size),
      interpolation: this.interpolation(this.file.interpolation ?? 'bicubic', 'interpolation'),
      crop: [height, width],
      ...this.colours(channels, this.perChannel('mean', channels, 0.5), this.perChannel('std', channels, 0.5), 1)
    }
  }

  /** Hugging Face's image processors: resize, crop, rescale, normalise. */
  huggingFace(): Preprocessing {
    const { file } = this
    const factor = file.do_rescale === false ? 1 : (file.rescale_factor ?? 1 / 255)
    if (!isPositive(factor)) throw this.unsupported('rescale_factor', factor)
    const normalises = file.do_normalize !== false
    const channels = Array.isArray(file.image_mean) ? file.image_mean.length : 3
    let mean = normalises ? this.perChannel('image_mean', channels, 0.5) : zeros(channels)
    const std = normalises ? this.perChannel('image_std', channels, 0.5) : zeros(channels).map(() => 1)
    if (this.isKind(/^EfficientNet/)) {
      if (file.rescale_offset === true) mean = mean.map((value) => value + 1)
      // its processor divides by the deviation once more for networks with a classifier
      if (file.include_top !== false && normalises)
        return {
          ...this.sizes(),
          ...this.colours(
            channels,
            mean,
            std.map((value) => value * value),
            255 * factor
          )
        }
    }
    return { ...this.sizes(), ...this.colours(channels, mean, std, 255 * factor) }
  }

  private sizes(): Pick<Preprocessing, 'resize' | 'interpolation' | 'crop' | 'cropRounding'> {
    const { file } = this
    const crop = this.crop()
    const cropRounding = 'down'
    if (file.do_resize === false) return crop ? { crop, cropRounding } : {}
    const interpolation = this.interpolation(file.resample ?? 2, 'resample')
    const resize = this.resize()
    if (!this.isKind(/^ConvNext/) || typeof resize !== 'number')
      return { resize, interpolation, ...(crop && { crop, cropRounding }) }
    // ConvNext's processor squeezes large images into the square; of small ones it cuts a share off
    if (resize >= 384) return { resize: [resize, resize], interpolation }
    const share = file.crop_pct ?? 224 / 256
    if (!isPositive(share)) throw this.unsupported('crop_pct', share)
    return { resize: Math.floor(resize / share), interpolation, crop: [resize, resize], cropRounding }
  }

  private resize(): Preprocessing['resize'] {
    const { size } = this.file
    if (isPositive(size)) return this.isKind(SHORTER_SIDE) ? size : [size, size]
    const { height, width, shortest_edge: shortest, longest_edge: longest } = (size ?? {}) as Json
    if (isPositive(height) && isPositive(width)) return [height, width]
    if (isPositive(shortest) && longest === undefined) return shortest
    throw this.unsupported('size', size)
  }

  private crop(): Size | undefined {
    const { do_center_crop: does, crop_size: size } = this.file
    if (does === false || size === undefined || size === null) return undefined
    if (does === undefined && !this.isKind(CROPS_BY_DEFAULT)) return undefined
    if (isPositive(size)) return [size, size]
    const { height, width } = size as Json
    if (isPositive(height) && isPositive(width)) return [height, width]
    throw this.unsupported('crop_size', size)
  }

  private isKind(pattern: RegExp): boolean {
    return pattern.test(String(this.file.image_processor_type ?? this.file.feature_extractor_type ?? ''))
  }

  /** Of images that are not square: the sides in the ratio that is asked for cannot be had by one number. */
  private scaled(size: Size): never {
    throw this.unsupported('input_size', size)
  }

  private interpolation(given: unknown, key: string): Interpolation {
    const name = typeof given === 'number' ? RESAMPLE[given] : given
    if (!INTERPOLATIONS.includes(name as Interpolation)) throw this.unsupported(key, name ?? given)
    return name as Interpolation
  }

  private colours(
    channels: number,
    mean: number[],
    std: number[],
    scale: number
  ): Pick<Preprocessing, 'channels' | 'channelOrder' | 'scale' | 'mean' | 'std'> {
    if (channels !== 1 && channels !== 3) throw this.unsupported('the number of channels', channels)
    // PIL's bytes times 1/255 are values up to 1, however the factor is rounded in the file
    return { channels, channelOrder: 'rgb', scale: Math.abs(scale - 1) < 1e-6 ? 1 : scale, mean, std }
  }

  private perChannel(key: string, channels: number, otherwise: number): number[] {
    const given = this.file[key]
    if (given === undefined) return Array<number>(channels).fill(otherwise)
    if (typeof given === 'number') return Array<number>(channels).fill(given)
    const numbers = this.numbers(key)
    if (numbers.length !== channels) throw this.unsupported(key, given)
    return numbers
  }

  private numbers(key: string): number[] {
    const given = this.file[key]
    if (Array.isArray(given) && given.every((value) => Number.isFinite(value))) return given as number[]
    throw this.unsupported(key, given)
  }

  private unsupported(key: string, value: unknown): LrpError {
    return new LrpError('UNSUPPORTED', `${this.path}: the value ${JSON.stringify(value)} of ${key} is not supported`)
  }
}

function zeros(channels: number): number[] {
  return Array<number>(channels).fill(0)
}

function isPositive(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0
}
