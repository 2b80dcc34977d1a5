import type { Experiment } from '../experiment/experiment.js'
import type { ModelParts } from '../core/graph.js'
import { saveParts } from '../model/save.js'
import type { StateDict } from '../core/tensor.js'
import { writeCheckpoint, writeHistory } from './checkpoint.js'
import { CoalescingWriter } from '../core/coalescing-writer.js'
import type { EpochEvent, Snapshot } from '../native/train-types.js'
import { writeTensorboard } from './tensorboard.js'

/**
 * Writes best weights, checkpoint and history during a run. The best weights are on the disk before the checkpoint that knows
 * of them, so that a run killed between the two loses neither.
 */
export class RunRecorder {
  readonly history: EpochEvent[]
  private best: StateDict | undefined
  private readonly writer: CoalescingWriter<{ snapshot: Snapshot; epochs: number }>

  /**
   * @param onFailure called once when something cannot be written; `settled` rejects with it
   * @param pause seconds between two checkpoints
   * @param tensorboard writes TensorBoard's event file too
   */
  constructor(
    private readonly experiment: Experiment,
    private readonly assemble: (weights: StateDict) => ModelParts,
    history: EpochEvent[],
    onFailure: () => void,
    pause: number,
    private readonly tensorboard = false
  ) {
    this.history = [...history]
    this.writer = new CoalescingWriter(async ({ snapshot, epochs }) => {
      try {
        await this.write(snapshot, this.history.slice(0, epochs))
      } catch (error) {
        onFailure()
        throw error
      }
    }, pause * 1000)
  }

  epoch(event: EpochEvent, snapshot: Snapshot): void {
    this.history.push(event)
    if (event.best) this.best = new Map(Object.entries(snapshot.weights))
    this.checkpoint(snapshot)
  }

  checkpoint(snapshot: Snapshot): void {
    this.writer.offer({ snapshot, epochs: this.history.length })
  }

  /** Resolves when all is written. @throws LrpError IO */
  settled(): Promise<void> {
    return this.writer.settled()
  }

  private async write(snapshot: Snapshot, history: EpochEvent[]): Promise<void> {
    const { best } = this
    if (best) {
      await saveParts(this.experiment.folder, this.assemble(best))
      if (this.best === best) this.best = undefined
    }
    await writeCheckpoint(this.experiment, { snapshot, history })
    await writeHistory(this.experiment, history)
    if (this.tensorboard) await writeTensorboard(this.experiment, history)
  }
}
