import { unknownName } from '../../core/suggest.js'
import type { Architecture } from '../builder.js'
import { alexnet } from './alexnet.js'
import { convnextTiny } from './convnext.js'
import { densenet121 } from './densenet.js'
import { efficientnetB0 } from './efficientnet.js'
import { efficientnetLite } from './efficientnet-lite.js'
import { googlenet } from './googlenet.js'
import { inceptionV3 } from './inception.js'
import { lenet, mlp, type ArchitectureOptions } from './mlp.js'
import { mobilenetV2, mobilenetV3 } from './mobilenet.js'
import { cifarResnet, resnet } from './resnet.js'
import { squeezenet } from './squeezenet.js'
import { vgg } from './vgg.js'
import { vitB16 } from './vit.js'

export interface ArchitectureEntry {
  description: string
  /** Channels, height, width of the images it was designed for; absent: any. */
  imageShape?: [number, number, number]
  /** Weights of published files that act in training only and are left out. */
  ignored?: RegExp
  /** Its padding follows from the size of the images, so weights are bound to a network of the size that is asked for. */
  sized?: true
  build: (options: ArchitectureOptions) => Architecture
}

const IMAGENET: [number, number, number] = [3, 224, 224]
const CIFAR: [number, number, number] = [3, 32, 32]

function entries(
  names: string[],
  describe: (name: string) => string,
  imageShape: [number, number, number],
  build: (name: string) => ArchitectureEntry['build']
): Record<string, ArchitectureEntry> {
  return Object.fromEntries(
    names.map((name) => [name, { description: describe(name), imageShape, build: build(name) }])
  )
}

const VGGS = ['vgg11', 'vgg13', 'vgg16', 'vgg19']
const RESNETS = ['resnet18', 'resnet34', 'resnet50', 'resnet101', 'resnet152', 'wide_resnet50_2', 'resnext50_32x4d']

/** Architectures by name. Parameters of torchvision's networks have torchvision's names. */
export const ARCHITECTURES: Record<string, ArchitectureEntry> = {
  mlp: { description: 'multilayer perceptron over the flattened image', build: mlp },
  lenet: { description: 'LeNet-5 with max pooling', build: lenet },
  ...entries(VGGS, (name) => `VGG with ${name.slice(3)} layers`, IMAGENET, vgg),
  ...entries(
    VGGS.map((name) => `${name}_bn`),
    (name) => `VGG with ${name.slice(3, 5)} layers and batch norm`,
    IMAGENET,
    vgg
  ),
  ...entries(RESNETS, () => 'residual network for ImageNet', IMAGENET, resnet),
  alexnet: { description: 'AlexNet with one tower', imageShape: IMAGENET, build: alexnet },
  ...entries(
    ['squeezenet1_0', 'squeezenet1_1'],
    () => 'SqueezeNet: fire modules and a convolutional classifier',
    IMAGENET,
    squeezenet
  ),
  mobilenet_v2: { description: 'inverted residuals', imageShape: IMAGENET, build: mobilenetV2 },
  ...entries(
    ['mobilenet_v3_small', 'mobilenet_v3_large'],
    () => 'inverted residuals with squeeze and excitation',
    IMAGENET,
    mobilenetV3
  ),
  densenet121: {
    description: 'DenseNet: every layer reads all earlier layers',
    imageShape: IMAGENET,
    build: densenet121
  },
  googlenet: {
    description: 'GoogLeNet (Inception v1) with batch norm',
    imageShape: IMAGENET,
    ignored: /^aux[12]\./,
    build: googlenet
  },
  inception_v3: {
    description: 'Inception v3',
    imageShape: [3, 299, 299],
    ignored: /^AuxLogits\./,
    build: inceptionV3
  },
  efficientnet_b0: { description: 'the smallest EfficientNet', imageShape: IMAGENET, build: efficientnetB0 },
  ...Object.fromEntries(
    [224, 240, 260].map((side, i) => {
      const name = `efficientnet_lite${i}`
      const description = 'EfficientNet without squeeze and excitation, with ReLU6'
      const entry: ArchitectureEntry = {
        description,
        imageShape: [3, side, side],
        sized: true,
        build: efficientnetLite(name)
      }
      return [name, entry]
    })
  ),
  convnext_tiny: { description: 'the smallest ConvNeXt', imageShape: IMAGENET, build: convnextTiny },
  vit_b_16: { description: 'vision transformer, patches of 16x16', imageShape: IMAGENET, build: vitB16 },
  ...entries(
    ['resnet20', 'resnet32', 'resnet44', 'resnet56', 'resnet110'],
    () => 'residual network for CIFAR',
    CIFAR,
    (name) => cifarResnet(Number(name.slice(6)))
  )
}

/**
 * Builds the network with this name for a number of classes and an image size.
 * @throws LrpError INVALID_ARGUMENT for an unknown name, or an image size that the network does not accept
 */
export function buildArchitecture(name: string, options: ArchitectureOptions): Architecture {
  const entry = ARCHITECTURES[name]
  if (!entry) throw unknownName('model', name, Object.keys(ARCHITECTURES))
  return entry.build(options)
}
