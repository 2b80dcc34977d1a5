"""Networks of Keras as tf2onnx writes them, with channels behind height and width and in front.

    pip install tensorflow-cpu tf2onnx
    python scripts/check-keras.py FOLDER [NAME ...]

Random weights; FOLDER/<name>/nhwc.onnx, nchw.onnx, x.npy ([2, height, width, channels]), y.npy (Keras's output).
"""

import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import tf2onnx
from keras import applications, layers

folder = Path(sys.argv[1])
wanted = sys.argv[2:]


def small() -> keras.Model:
    """Separable convolutions, unfolded batch norm, gates, padding as TensorFlow does it, a dense layer over places."""
    x = image = keras.Input((16, 12, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = layers.Conv2D(6, 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = kept = layers.Activation("hard_swish" if hasattr(keras.activations, "hard_swish") else "relu")(x)
    x = layers.BatchNormalization()(x)
    x = layers.SeparableConv2D(6, 3, padding="same")(x)
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = layers.Conv2D(6, 1, activation="sigmoid")(gate)
    x = layers.add([layers.multiply([x, gate]), kept])
    x = layers.ZeroPadding2D(((0, 1), (0, 1)))(layers.LeakyReLU()(x))
    x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    x = layers.BatchNormalization()(layers.Dense(8, activation="swish")(x))
    return keras.Model(image, layers.Dense(4, activation="softmax")(x))


def grey() -> keras.Model:
    x = image = keras.Input((12, 10, 1))
    x = layers.Conv2D(4, 3, activation="relu")(x)
    x = layers.AveragePooling2D(2)(x)
    return keras.Model(image, layers.Dense(3)(layers.Flatten()(x)))


NETWORKS = {
    "small": small,
    "grey": grey,
    **{
        name: (lambda name=name: getattr(applications, name)(weights=None))
        for name in ["MobileNetV2", "ResNet50", "EfficientNetB0", "DenseNet121", "Xception", "NASNetMobile"]
    },
}


def randomise(model: keras.Model) -> None:
    """Weights that let the output depend on the image."""
    rng = np.random.default_rng(3)
    for variable in model.weights:
        shape, name = variable.shape, variable.path.split("/")[-1]
        if "variance" in name:
            variable.assign(rng.uniform(0.5, 1.5, shape))
        elif "gamma" in name:
            variable.assign(rng.uniform(0.5, 1.2, shape))
        elif len(shape) == 1:
            variable.assign(rng.normal(0, 0.1, shape))
        elif len(shape) > 1:
            fan = np.prod(shape[:-1]) if "depthwise" not in variable.path else np.prod(shape[:2])
            variable.assign(rng.normal(0, np.sqrt(1.6 / fan), shape))


for name, build in NETWORKS.items():
    if wanted and name not in wanted:
        continue
    keras.backend.clear_session()
    model = build()
    randomise(model)
    out = folder / name
    out.mkdir(parents=True, exist_ok=True)
    spec = (tf.TensorSpec((None, *model.input_shape[1:]), tf.float32, name="image"),)
    function = tf.function(lambda image: model(image, training=False), input_signature=spec)
    for layout in ["nhwc", "nchw"]:
        extra = {"inputs_as_nchw": ["image"]} if layout == "nchw" else {}
        tf2onnx.convert.from_function(function, spec, opset=17, output_path=str(out / f"{layout}.onnx"), **extra)
    x = np.random.default_rng(1).uniform(0, 255 if name in ["small", "EfficientNetB0"] else 1, (2, *model.input_shape[1:]))
    np.save(out / "x.npy", x.astype(np.float32))
    np.save(out / "y.npy", np.asarray(model(x.astype(np.float32), training=False)))
    print(name, model.count_params())
