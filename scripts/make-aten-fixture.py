"""Writes test/model/fixtures/aten-overloads.json.gz: outputs and gradients of overloads of PyTorch's aten library, for
test/model/aten-overloads.test.ts, which calls the same overloads as nodes of a graph.

Pointwise overloads and views are found by their schema; their arguments follow from its types and the tables below. Other
overloads are listed with their arguments. Usage: python scripts/make-aten-fixture.py (torch 2.11).
"""

import base64
import gzip
import json
import math
import pathlib

import torch

torch.manual_seed(0)
N = torch.randn


def spread(*shape, low, high):
    return torch.rand(*shape) * (high - low) + low


TENSORS = {
    'x': N(2, 3, 4),
    'y': N(2, 3, 4),
    'z': N(2, 3, 4),
    'positive': spread(2, 3, 4, low=0.2, high=2.0),
    'positive2': spread(2, 3, 4, low=0.2, high=2.0),
    'unit': spread(2, 3, 4, low=0.05, high=0.95),
    'over': spread(2, 3, 4, low=1.1, high=3.0),
    'image': N(2, 4, 6, 6),
    'planes': N(2, 4, 6),
    'volume': N(2, 4, 3, 4, 4),
    'square': N(2, 3, 3),
    'rows': N(4, 3),
    'columns': N(3, 5),
    'batches': N(2, 4, 5),
    'vector': N(4),
    'vector3': N(3),
    'four': spread(4, low=0.5, high=1.5),
    'kernel': N(3, 4, 3, 3) / 4,
    'kernel1': N(3, 4, 3) / 4,
    'kernel3': N(3, 4, 2, 2, 2) / 4,
    'up': N(4, 3, 2, 2) / 4,
    'slopes': spread(3, low=0.1, high=0.5),
    'grid': spread(2, 5, 5, 2, low=-0.9, high=0.9),
    'grid3': spread(2, 3, 3, 3, 3, low=-0.9, high=0.9),
    'mask': torch.rand(2, 3, 4) > 0.5,
    'mask2': torch.rand(2, 3, 4) > 0.5,
    'index': torch.randint(0, 2, (2, 3, 4)),
    'places': torch.tensor([2, 0, 1, 1]),
    'places2': torch.tensor([0, 1, 1, 0]),
    'integers': torch.randint(1, 7, (2, 3, 4)),
    'integers2': torch.randint(1, 4, (2, 3, 4)),
    'columns_of_image': N(2, 16, 9),
}

# Where a function is not defined everywhere, or is not smooth: what it is called with.
DOMAINS = {
    'unit': 'acos asin atanh erfinv logit special_ndtri special_logit special_erfinv arccos arcsin arctanh',
    'over': 'acosh arccosh',
    'positive': 'log log2 log10 log1p sqrt rsqrt lgamma digamma mvlgamma polygamma reciprocal special_entr '
    'special_bessel_y0 special_bessel_y1 special_modified_bessel_k0 special_modified_bessel_k1 '
    'special_scaled_modified_bessel_k0 special_scaled_modified_bessel_k1 igamma igammac pow float_power xlogy '
    'special_xlog1py special_gammaln special_digamma special_psi special_zeta special_log_ndtr special_xlogy',
    'over positive': 'special_zeta',
    'integers': 'gcd lcm bitwise_right_shift bitwise_left_shift bitwise_or bitwise_xor bitwise_and bitwise_not',
    'square': 'adjoint mT mH matrix_H numpy_T',
    'rows': 't',
}
# Arguments that do not follow from their type.
ARGUMENTS = {
    'n': 2, 'p': 2, 'dim': 1, 'dim0': 0, 'dim1': 1, 'axis0': 0, 'axis1': 2, 'source': [0, 1], 'destination': [1, 2], 'sections': 2,
    'indices': [1, 2], 'size': [3, 2, 4], 'chunks': 2, 'split_size': 2, 'split_sizes': [1, 2], 'sizes': [1, 3], 'index': 1,
    'dims': [0, 2, 1], 'start': 1, 'end': 3, 'step': 2, 'length': 2, 'stride': [12, 4, 1], 'dimension': 1, 'weight': 0.3,
    'min': -0.5, 'max': 0.5, 'decimals': 1, 'lambd': 0.3, 'threshold': 0.1, 'value': 0.7, 'rounding_mode': 'floor',
}
# By overload, where the argument's name alone does not say it.
OWN = {
    'aten.movedim.int': {'source': 0, 'destination': 1},
    'aten.moveaxis.int': {'source': 0, 'destination': 1},
    'aten.squeeze.dims': {'dim': [1, 2]},
    'aten.unflatten.int': {'sizes': [3, 1]},
    'aten.split.sizes': {'split_size': [1, 2], 'dim': 1},
    'aten.hsplit.array': {'indices': [1]},
    'aten.dsplit.int': {'sections': 2},
    'aten.hsplit.int': {'sections': 3},
    'aten.unfold.default': {'dimension': 1, 'size': 2, 'step': 1},
    'aten.expand.default': {'size': [3, 2, 3, 4]},
    'aten.broadcast_to.default': {'size': [3, 2, 3, 4]},
    'aten.lerp.Tensor': {'weight': 'unit'},
    'aten.narrow.default': {'dim': 1, 'start': 1, 'length': 2},
    'aten.to.dtype': {'dtype': 'float64'},
    'aten.bitwise_right_shift.Tensor_Scalar': {'other': 1},
    'aten.bitwise_left_shift.Tensor_Scalar': {'other': 1},
    'aten.bitwise_or.Scalar': {'other': 3},
    'aten.bitwise_xor.Scalar': {'other': 3},
    'aten.bitwise_and.Scalar': {'other': 3},
    'aten.linalg_diagonal.default': {'A': 'square', 'dim1': -2, 'dim2': -1},
    'aten.pow.Scalar': {'self': 1.7},
    'aten.float_power.Scalar': {'self': 1.7},
    'aten.as_strided.default': {'size': [3, 4], 'stride': [4, 1], 'storage_offset': 2},
}
# Forbidden by rule, not arrays of real numbers, or of no use as a node.
LEFT_OUT = (
    'equal frexp rrelu native_dropout_backward silu_backward gelu_backward logit_backward tanh_backward sigmoid_backward '
    'threshold_backward as_tensor coalesce pin_memory row_indices ccol_indices col_indices crow_indices values indices '
    'slice_inverse cuda cpu imag view_as_complex view_as_real align_to refine_names rename lift_fresh detach nextafter '
    'to view_as contiguous'
).split()

# Everything else: overload and arguments.
LISTED = """
aten.roll.default self=x shifts=[1,2] dims=[0,2]
aten.index.Tensor self=x indices.1=places
aten.index.Tensor self=x indices.0=places2 indices.1=places
aten.gather.default self=x dim=0 index=index
aten.take_along_dim.default self=x indices=index dim=0
aten.take.default self=x index=index
aten.index_select.default self=x dim=1 index=places
aten.where.ScalarOther condition=mask self=x other=0.5
aten.where.ScalarSelf condition=mask self=0.5 other=x
aten.masked_fill.Tensor self=x mask=mask value=scalar
aten.amax.default self=x dim=[1,2]
aten.amin.default self=x dim=[1] keepdim=true
aten.max.default self=x
aten.max.dim self=x dim=2
aten.min.dim self=x dim=1 keepdim=true
aten.argmax.default self=x dim=1
aten.einsum.default equation='abc,ade->bce' tensors.0=square tensors.1=square
aten.pixel_shuffle.default self=image upscale_factor=2
aten.pixel_unshuffle.default self=image downscale_factor=2
aten.channel_shuffle.default self=image groups=2
aten.grid_sampler.default input=image grid=grid interpolation_mode=0 padding_mode=0 align_corners=false
aten.grid_sampler_2d.default input=image grid=grid interpolation_mode=1 padding_mode=1 align_corners=true
aten.grid_sampler_3d.default input=volume grid=grid3 interpolation_mode=0 padding_mode=0 align_corners=false
aten.linalg_vector_norm.default self=x ord=3 dim=[1]
aten.linalg_norm.default self=square dim=[1,2]
aten.linalg_matrix_norm.default self=square ord=2
aten.norm.ScalarOpt_dim self=x p=2 dim=[2]
aten.norm.Scalar self=x p=3
aten.frobenius_norm.dim self=x dim=[1,2]
aten.cumsum.default self=x dim=1
aten.cumprod.default self=positive dim=2
aten.logcumsumexp.default self=x dim=1
aten.cummax.default self=x dim=1
aten.cummin.default self=x dim=2
aten.diff.default self=x n=1 dim=2
aten.trapezoid.dx y=x dx=0.5 dim=2
aten.sum.default self=x
aten.sum.dim_IntList self=x dim=[1,2] keepdim=true
aten.nansum.default self=x dim=[1]
aten.mean.default self=x
aten.mean.dim self=x dim=[2]
aten.var.correction self=x dim=[1,2] correction=1
aten.var.dim self=x dim=[2] unbiased=false
aten.std.correction self=x dim=[1] correction=0 keepdim=true
aten.std.dim self=x dim=[2]
aten.std_mean.correction self=x dim=[2] correction=1
aten.var_mean.correction self=x dim=[2] correction=1
aten.prod.dim_int self=positive dim=1
aten.prod.default self=positive
aten.logsumexp.default self=x dim=[1,2]
aten.median.dim self=x dim=2
aten.kthvalue.default self=x k=2 dim=2
aten.mode.default self=x dim=1
aten.sort.default self=x dim=2 descending=true
aten.sort.stable self=x stable=true dim=1
aten.msort.default self=x
aten.topk.default self=x k=2 dim=2
aten.argsort.default self=x dim=2
aten.flip.default self=x dims=[0,2]
aten.fliplr.default self=x
aten.flipud.default self=x
aten.rot90.default self=x k=1 dims=[1,2]
aten.repeat.default self=x repeats=[1,2,1]
aten.tile.default self=x dims=[2,1]
aten.repeat_interleave.self_int self=x repeats=2 dim=1
aten.tril.default self=square diagonal=0
aten.triu.default self=square diagonal=1
aten.diag_embed.default self=rows
aten.diagonal.default self=square offset=0 dim1=1 dim2=2
aten.trace.default self=rows
aten.cat.default tensors.0=x tensors.1=y dim=1
aten.concat.default tensors.0=x tensors.1=y dim=2
aten.stack.default tensors.0=x tensors.1=y dim=1
aten.hstack.default tensors.0=x tensors.1=y
aten.vstack.default tensors.0=x tensors.1=y
aten.dstack.default tensors.0=x tensors.1=y
aten.column_stack.default tensors.0=rows tensors.1=rows
aten.block_diag.default tensors.0=rows tensors.1=columns
aten.slice_scatter.default self=x src=y dim=1 start=0 end=3
aten.select_scatter.default self=x src=planes_of_x dim=1 index=0
aten.diagonal_scatter.default self=square src=diagonal dim1=1 dim2=2
aten.scatter.src self=x dim=0 index=order src=y
aten.scatter.value self=x dim=0 index=order value=0.5
aten.scatter_add.default self=x dim=0 index=index src=y
aten.index_add.default self=x dim=1 index=places3 source=y
aten.index_copy.default self=x dim=1 index=places3 source=y
aten.index_fill.int_Scalar self=x dim=1 index=places3 value=0.5
aten.index_put.default self=x indices.0=swapped values=scalar
aten.matmul.default self=rows other=columns
aten.mm.default self=rows mat2=columns
aten.bmm.default self=square mat2=x
aten.mv.default self=rows vec=vector3
aten.dot.default self=vector tensor=four
aten.outer.default self=vector vec2=vector3
aten.addmm.default self=bias5 mat1=rows mat2=columns
aten.addmv.default self=vector mat=rows vec=vector3
aten.addbmm.default self=sum34 batch1=square batch2=x
aten.baddbmm.default self=x batch1=square batch2=y
aten.addr.default self=rows vec1=vector vec2=vector3
aten.linear.default input=x weight=weight54 bias=bias5
aten.bilinear.default input1=rows input2=rows weight=weight533
aten.tensordot.default self=x other=x dims_self=[1,2] dims_other=[1,2]
aten.kron.default self=rows other=columns
aten.cross.default self=x3 other=y3 dim=1
aten.linalg_cross.default self=x3 other=y3 dim=1
aten.cdist.default x1=x x2=y p=2
aten.pairwise_distance.default x1=x x2=y
aten.cosine_similarity.default x1=x x2=y dim=1
aten.dist.default self=x other=y p=2
aten.chain_matmul.default matrices.0=rows matrices.1=columns
aten.linalg_multi_dot.default tensors.0=rows tensors.1=columns
aten.linalg_inv.default A=square
aten.linalg_det.default A=square
aten.linalg_matrix_power.default self=square n=3
aten.matrix_exp.default self=square
aten.softmax.int self=x dim=1
aten._softmax.default self=x dim=2 half_to_float=false
aten.log_softmax.int self=x dim=2
aten._log_softmax.default self=x dim=1 half_to_float=false
aten.special_softmax.default self=x dim=1
aten.special_log_softmax.default self=x dim=1
aten.log_sigmoid.default self=x
aten.prelu.default self=x weight=slopes
aten.leaky_relu.default self=x negative_slope=0.2
aten.hardswish.default self=x
aten.glu.default self=image dim=1
aten.layer_norm.default input=x normalized_shape=[4] weight=four
aten.native_layer_norm.default input=x normalized_shape=[4] weight=four bias=vector eps=0.00001
aten.rms_norm.default input=x normalized_shape=[4] weight=four
aten.group_norm.default input=image num_groups=2 weight=four bias=vector
aten.batch_norm.default input=image weight=four bias=vector running_mean=vector running_var=four training=false momentum=0.1 eps=0.00001 cudnn_enabled=false
aten._native_batch_norm_legit_no_training.default input=image weight=four bias=vector running_mean=vector running_var=four momentum=0.1 eps=0.00001
aten.conv1d.default input=planes weight=kernel1
aten.conv2d.default input=image weight=kernel stride=[2,1] padding=[1,0]
aten.conv2d.padding input=image weight=kernel padding='same'
aten.conv3d.default input=volume weight=kernel3
aten.conv_transpose2d.input input=image weight=up stride=[2,2]
aten.convolution.default input=image weight=kernel bias=vector3 stride=[1,1] padding=[1,1] dilation=[1,1] transposed=false output_padding=[0,0] groups=1
aten.avg_pool1d.default self=planes kernel_size=[2]
aten.avg_pool2d.default self=image kernel_size=[3,2] stride=[2,1] padding=[1,0]
aten.avg_pool3d.default self=volume kernel_size=[1,2,2]
aten.max_pool1d.default self=planes kernel_size=[2]
aten.max_pool2d.default self=image kernel_size=[3,3] stride=[1,1]
aten.max_pool2d_with_indices.default self=image kernel_size=[2,2]
aten.max_pool3d.default self=volume kernel_size=[1,2,2]
aten.adaptive_avg_pool1d.default self=planes output_size=[4]
aten.adaptive_avg_pool2d.default self=image output_size=[4,5]
aten._adaptive_avg_pool2d.default self=image output_size=[4,5]
aten.adaptive_avg_pool3d.default self=volume output_size=[2,3,3]
aten.adaptive_max_pool1d.default self=planes output_size=[4]
aten.adaptive_max_pool2d.default self=image output_size=[3,5]
aten.adaptive_max_pool3d.default self=volume output_size=[2,3,3]
aten.upsample_nearest1d.default self=planes output_size=[9]
aten.upsample_nearest2d.default self=image output_size=[9,7]
aten.upsample_linear1d.default self=planes output_size=[9] align_corners=true
aten.upsample_bilinear2d.default self=image output_size=[9,7] align_corners=false
aten.upsample_bicubic2d.default self=image output_size=[9,7] align_corners=false
aten.upsample_trilinear3d.default self=volume output_size=[5,5,5] align_corners=false
aten.reflection_pad1d.default self=planes padding=[1,2]
aten.reflection_pad2d.default self=image padding=[1,2,0,1]
aten.reflection_pad3d.default self=volume padding=[1,1,1,1,1,1]
aten.replication_pad1d.default self=planes padding=[1,2]
aten.replication_pad2d.default self=image padding=[1,2,0,1]
aten.replication_pad3d.default self=volume padding=[1,1,1,1,1,1]
aten.constant_pad_nd.default self=image pad=[1,2,0,1] value=0.5
aten.pad.default self=image pad=[1,2,0,1] mode='circular'
aten.im2col.default self=image kernel_size=[2,2] dilation=[1,1] padding=[1,1] stride=[2,2]
aten.col2im.default self=columns_of_image output_size=[6,6] kernel_size=[2,2] dilation=[1,1] padding=[0,0] stride=[2,2]
aten.embedding.default weight=rows indices=places
aten.view_copy.default self=x size=[6,4]
aten.permute_copy.default self=x dims=[2,0,1]
aten.expand_copy.default self=x size=[3,2,3,4]
aten.slice_copy.Tensor self=x dim=1 start=1 end=3
aten.select_copy.int self=x dim=1 index=1
aten.unsqueeze_copy.default self=x dim=1
aten.squeeze_copy.dim self=x dim=1
aten.transpose_copy.int self=x dim0=0 dim1=1
aten.unfold_copy.default self=x dimension=1 size=2 step=1
aten.subtract.Tensor self=x other=y
aten.multiply.Tensor self=x other=y
aten.divide.Tensor self=x other=positive
aten.negative.default self=x
aten.absolute.default self=x
aten.arctan.default self=x
aten.arctan2.default self=x other=y
aten.arcsinh.default self=x
aten.special_expit.default self=x
aten.special_erf.default self=x
aten.special_erfc.default self=x
aten.special_expm1.default self=x
aten.special_exp2.default self=x
aten.special_i0.default self=x
aten.special_log1p.default self=positive
aten.special_logsumexp.default self=x dim=[1]
aten.special_ndtr.default self=x
aten.special_sinc.default self=x
aten.special_round.default self=x
aten.special_gammaln.default self=positive
aten.special_digamma.default self=positive
aten.special_xlogy.default self=positive other=positive2
aten.rsub.Tensor self=x other=y
aten.sum_to_size.default self=x size=[2,1,4]
aten.combinations.default self=vector r=2
aten.cartesian_prod.default tensors.0=vector tensors.1=vector3
aten.zeros_like.default self=x
aten.ones_like.default self=x
aten.full_like.default self=x fill_value=0.3
aten.new_full.default self=x size=[2,3] fill_value=0.3
aten.new_ones.default self=x size=[2,3]
aten.new_zeros.default self=x size=[2,3]
aten.detach.default self=x
aten.detach_copy.default self=x
aten.reshape.default self=x shape=[6,4]
aten.view_as.default self=x other=table
aten.contiguous.default self=x
aten.to.dtype self=x dtype='float64'
aten._to_copy.default self=x
aten.type_as.default self=x other=y
aten.atleast_1d.default self=x
aten.atleast_2d.default self=vector
aten.atleast_3d.default self=rows
aten.split_copy.Tensor self=x split_size=2 dim=1
aten.split_with_sizes_copy.default self=x split_sizes=[1,2] dim=1
aten.unbind_copy.int self=x dim=1
aten.alias_copy.default self=x
aten.as_strided_copy.default self=x size=[3,4] stride=[4,1] storage_offset=2
aten.diagonal_copy.default self=square offset=0 dim1=1 dim2=2
aten.t_copy.default self=rows
aten.unsafe_chunk.default self=x chunks=2 dim=1
aten.unsafe_split.Tensor self=x split_size=2 dim=1
aten.unsafe_split_with_sizes.default self=x split_sizes=[1,2] dim=1
aten.broadcast_tensors.default tensors.0=x tensors.1=vector
aten.meshgrid.default tensors.0=vector tensors.1=vector3
aten.meshgrid.indexing tensors.0=vector tensors.1=vector3 indexing='xy'
aten.concatenate.default tensors.0=x tensors.1=y dim=1
aten.row_stack.default tensors.0=x tensors.1=y
aten.max_pool1d_with_indices.default self=planes kernel_size=[2]
aten.max_pool3d_with_indices.default self=volume kernel_size=[1,2,2]
aten.diag.default self=vector
aten.diag.default self=rows
aten.diagflat.default self=vector
aten.masked_scatter.default self=x mask=mask source=y
aten.put.default self=x index=swapped source=pair
aten._adaptive_avg_pool3d.default self=volume output_size=[2,3,3]
aten.upsample_nearest3d.default self=volume output_size=[5,5,5]
aten.nanmean.default self=x dim=[1]
aten.trapezoid.x y=x x=positive dim=2
aten.trapz.dx y=x dx=0.5 dim=2
aten.trapz.x y=x x=positive dim=2
aten.avg_pool2d.default self=image kernel_size=[2,2] divisor_override=-3
aten.index_add.default self=x dim=1 index=places3 source=y alpha=-2
aten.conv_transpose1d.default input=planes weight=up1 stride=[2]
aten.conv_transpose3d.input input=volume weight=up3 stride=[2,2,2]
aten.linear.default input=x weight=weight54
aten.bilinear.default input1=rows input2=rows weight=weight533 bias=bias5
aten.inner.default self=rows other=rows
aten.ger.default self=vector vec2=vector3
aten.vdot.default self=vector other=four
aten.linalg_matmul.default self=rows other=columns
aten.linalg_vecdot.default x=x y=y dim=1
aten.instance_norm.default input=image weight=four bias=vector running_mean=null running_var=null use_input_stats=true momentum=0.1 eps=0.00001 cudnn_enabled=false
aten.native_batch_norm.default input=image weight=four bias=vector running_mean=vector running_var=four training=false momentum=0.1 eps=0.00001
aten.native_group_norm.default input=image weight=four bias=vector N=2 C=4 HxW=36 group=2 eps=0.00001
aten.elu.default self=x alpha=0.7 scale=-1.5
aten.softplus.default self=x beta=-1.5
aten.leaky_relu.default self=x negative_slope=-0.7
aten.hardtanh.default self=x min_val=0.3 max_val=0.9
aten.log_sigmoid_forward.default self=x
aten.arccos.default self=unit
aten.arccosh.default self=over
aten.arcsin.default self=unit
aten.arctanh.default self=unit
aten.special_erfinv.default self=unit
aten.special_logit.default self=unit
aten.special_psi.default self=positive
aten.special_polygamma.default n=1 self=positive
aten.special_multigammaln.default self=over p=2
aten.fix.default self=x
aten.true_divide.Scalar self=x other=0.7
aten.divide.Scalar self=x other=0.7
aten.divide.Tensor_mode self=x other=positive rounding_mode='floor'
aten.multiply.Scalar self=x other=-0.7
aten.subtract.Scalar self=x other=0.7 alpha=2
aten.rsub.Tensor self=x other=y alpha=0.3
aten.floor_divide.default self=x other=positive
aten.isclose.default self=x other=y
aten.greater.Tensor self=x other=y
aten.greater_equal.Scalar self=x other=0.1
aten.less.Tensor self=x other=y
aten.less_equal.Scalar self=x other=0.1
aten.not_equal.Tensor self=x other=y
"""
TENSORS.update(
    scalar=torch.tensor(0.3),
    # without repetitions, so that every number has one source
    order=torch.rand(2, 3, 4).argsort(0),
    swapped=torch.tensor([1, 0]),
    planes_of_x=N(2, 4),
    diagonal=N(2, 3),
    places3=torch.tensor([2, 0, 1]),
    bias5=N(5),
    sum34=N(3, 4),
    weight54=N(5, 4),
    weight533=N(5, 3, 3),
    table=N(6, 4),
    pair=N(2),
    up1=N(4, 3, 2) / 4,
    up3=N(4, 3, 2, 2, 2) / 4,
    x3=N(2, 3, 4),
    y3=N(2, 3, 4),
)


def domain(base, place):
    for variants, names in DOMAINS.items():
        if base in names.split():
            variants = variants.split()
            if variants == ['integers']:
                return ['integers', 'integers2'][min(place, 1)]
            if variants == ['positive']:
                return ['positive', 'positive2', 'unit'][place]
            return variants[min(place, len(variants) - 1)]
    return ['x', 'y', 'z'][place] if base not in ('logical_and', 'logical_or', 'logical_xor', 'logical_not') else ['mask', 'mask2'][place]


def found_cases():
    """Pointwise overloads and views, with arguments by their schema."""
    for schema in torch._C._jit_get_all_schemas():
        base = schema.name.split('::')[1]
        written = any(a.alias_info and a.alias_info.is_write for a in schema.arguments)
        if not schema.name.startswith('aten::') or base.startswith('_') or base.endswith('_') or written or base in LEFT_OUT:
            continue
        op = getattr(getattr(torch.ops.aten, base, None), schema.overload_name or 'default', None)
        if op is None or 'ame' in schema.overload_name:  # named dimensions
            continue
        if schema.overload_name == 'a' or str(op) == 'aten.split.default':  # of TorchScript alone
            continue
        pointwise = torch.Tag.pointwise in op.tags
        if not pointwise and not any(a.alias_info for a in schema.arguments):
            continue
        if not any(str(a.type) == 'Tensor' for a in op._schema.arguments):
            continue
        arguments, place = {}, 0
        for a in op._schema.arguments:
            own = OWN.get(str(op), {})
            kind = str(a.type)
            if a.name in own:
                arguments[a.name] = own[a.name]
            elif kind == 'Tensor' or (kind == 'Optional[Tensor]' and a.name in ('min', 'max')):
                arguments[a.name] = 'mask' if a.name in ('mask', 'condition') else domain(base, place)
                place += a.name not in ('mask', 'condition')
            elif a.has_default_value() and a.name not in ('min', 'max', 'start', 'end', 'step', 'dim') or kind == 'Device':
                continue
            elif a.name in ARGUMENTS:
                arguments[a.name] = ARGUMENTS[a.name]
            else:
                arguments[a.name] = 0.6
        yield op, arguments


def listed_cases():
    for line in LISTED.strip().splitlines():
        name, *rest = line.split()
        _, base, overload = name.split('.')
        arguments = {}
        for one in rest:
            key, value = one.split('=', 1)
            arguments[key] = value if value in TENSORS else json.loads(value.replace("'", '"'))
        yield getattr(getattr(torch.ops.aten, base, None), overload, name), arguments


def called(op, arguments):
    """Calls the overload; returns its first result, and its first argument of floating numbers, by name."""
    leaves, values, lists = {}, {}, {}
    for name, value in arguments.items():
        if isinstance(value, str) and value in TENSORS:
            value = TENSORS[value].clone()
            if value.is_floating_point() and not leaves:
                leaves[name] = value.requires_grad_()
        argument, _, place = name.partition('.')
        if place:
            items = lists.setdefault(argument, [])
            items.extend([None] * (int(place) + 1 - len(items)))
            items[int(place)] = value
        elif isinstance(value, str) and value == 'float64':
            values[argument] = torch.float64
        else:
            values[argument] = value
    result = op(**values, **lists)
    return (result[0] if isinstance(result, (tuple, list)) else result), leaves


def packed(tensor):
    array = tensor.detach().to(torch.float32).contiguous().numpy()
    return base64.b64encode(array.tobytes()).decode()


def case(op, arguments):
    result, leaves = called(op, arguments)
    if not isinstance(result, torch.Tensor) or result.is_complex():
        raise ValueError('no array of real numbers')
    if not torch.isfinite(result.float()).all():
        raise ValueError('the output is not finite')
    entry = {'op': str(op).replace('aten.', 'aten::').replace('.default', ''), 'arguments': {k: v for k, v in arguments.items() if v is not None}, 'shape': list(result.shape), 'output': packed(result)}
    if result.requires_grad and leaves:
        relevance = torch.arange(result.numel(), dtype=torch.float64).mul(0.7).cos().reshape(result.shape).to(result.dtype)
        first = next(iter(leaves))
        try:
            gradient = torch.autograd.grad(result, leaves[first], relevance, allow_unused=True)[0]
        except (RuntimeError, NotImplementedError) as error:
            if 'not implemented' not in str(error):
                raise
            return entry  # autograd cannot differentiate it
        if gradient is None:
            gradient = torch.zeros_like(leaves[first])
        if not torch.isfinite(gradient).all():
            raise ValueError('the gradient is not finite')
        entry |= {'of': first, 'gradient': packed(gradient)}
    return entry


def main():
    cases, left_out = [], []
    for op, arguments in [*found_cases(), *listed_cases()]:
        try:
            cases.append(case(op, arguments))
        except Exception as error:  # noqa: BLE001: whatever the overload says is printed
            left_out.append(f'{op}: {str(error).splitlines()[0]}')
    used = {v for c in cases for v in c['arguments'].values() if isinstance(v, str) and v in TENSORS}
    dtypes = {torch.float32: 'f32', torch.int64: 'i64', torch.bool: 'bool'}
    tensors = {
        name: {'dtype': dtypes[t.dtype], 'shape': list(t.shape), 'data': base64.b64encode(t.numpy().tobytes()).decode()}
        for name, t in TENSORS.items()
        if name in used
    }
    path = pathlib.Path(__file__).parent.parent / 'test' / 'model' / 'fixtures' / 'aten-overloads.json.gz'
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress(json.dumps({'tensors': tensors, 'cases': cases}).encode(), 9, mtime=0))
    print(len(cases), 'cases of', len({c['op'] for c in cases}), 'overloads in', path, path.stat().st_size, 'bytes; left out:')
    print('\n'.join(left_out))


main()
