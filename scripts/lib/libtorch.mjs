import { archiveAddress, fetchArchive } from './libtorch/archive.mjs'
import { cacheFolder, inCache, inspect, usable } from './libtorch/folder.mjs'
import { fetchWheels } from './libtorch/wheels.mjs'
import { withLock } from './lock.mjs'
import { SetupError, output } from './run.mjs'
import { findPython, remedy } from './tools.mjs'

/**
 * The libtorch that is on this machine, searched in the documented order; undefined where there is none. `fits(found)`
 * passes by a libtorch that the user did not name.
 */
export function findLibtorch(fits = () => true) {
  for (const variable of ['LRP_NATIVE_LIBTORCH', 'LIBTORCH']) {
    if (!process.env[variable]) continue
    const found = inspect(process.env[variable])
    if (!found)
      throw new SetupError(
        `${variable} (${process.env[variable]}) is not a libtorch folder: it must contain lib/ and include/`
      )
    return usable(found, variable)
  }
  for (const variant of ['chosen', 'wheel']) {
    const found = inCache(variant)
    if (found && fits(found)) return usable(found, 'the cache')
  }
  const python = process.env.LRP_NATIVE_NO_PYTHON_TORCH ? undefined : pythonTorch()
  return python && fits(python) ? usable(python, 'the active Python') : undefined
}

function pythonTorch() {
  const python = findPython()
  const script = 'import importlib.util as u; print(u.find_spec("torch").submodule_search_locations[0])'
  const found = python && output(python.command, ['-c', script])
  const torch = found && inspect(found)
  return torch && Number(torch.version.split('.')[1]) >= 8 ? torch : undefined
}

/** The libtorch to use; downloaded to the cache where none is found. Prints the choice. */
export async function resolveLibtorch({ log = console.error, fits } = {}) {
  let found = findLibtorch(fits)
  if (!found) found = await withLock(lockPath(), async () => findLibtorch(fits) ?? (await fetchLibtorch({ log })))
  log(`libtorch ${found.version} from ${found.source}: ${found.folder}`)
  return found
}

async function fetchLibtorch({ log }) {
  const python = findPython()
  if (process.env.LRP_NATIVE_LIBTORCH_URL) return fetchArchive({ variant: 'cpu', log })
  if (python?.pip) return fetchWheels(python, log)
  if (archiveAddress('cpu') && process.env.LRP_NATIVE_LIBTORCH_SHA256) return fetchArchive({ variant: 'cpu', log })
  throw new SetupError(`Python with pip is needed to download libtorch: ${remedy('python')}`)
}

/** Downloads the official archive of a variant instead of PyTorch's wheels; two at once wait for each other. */
export function fetchChosen(options) {
  return withLock(lockPath(), () => fetchArchive(options))
}

function lockPath() {
  return `${cacheFolder()}.lock`
}
