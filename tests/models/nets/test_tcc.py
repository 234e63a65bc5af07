"""Encoders of pictures: sizes of the published networks, keys of torchvision, and what they look at."""

import pytest
import torch

from models.nets.resnet50 import ResNet50Conv4c, up_to_conv4c
from models.nets.tcc import ConvEmbedder, FrameEncoder, FrameEncoderConfig, GruEmbedder, VggM


def _trained(net: torch.nn.Module) -> int:
    return sum(p.numel() for p in net.parameters() if p.requires_grad)


def test_sizes_are_those_of_the_published_networks():
    with torch.device("meta"):
        assert _trained(ConvEmbedder(1024, FrameEncoderConfig())) == 21_827_712
        assert _trained(ConvEmbedder(512, FrameEncoderConfig())) == 14_749_824
        assert _trained(VggM()) == 4_659_840
        maps = FrameEncoder(FrameEncoderConfig()).trunk(torch.empty(2, 3, 224, 224))
        assert maps.shape == (2, 1024, 14, 14)
        assert VggM()(torch.empty(2, 3, 224, 224)).shape == (2, 512, 14, 14)


def test_the_trunk_has_the_keys_and_shapes_of_torchvisions_resnet50():
    """A table written from torchvision's layout: stages of bottlenecks, the first of each with a shortcut."""
    expected = {"conv1.weight": (64, 3, 7, 7)}
    norms = {"bn1": 64}
    for stage, (blocks, width) in enumerate(((3, 64), (4, 128), (3, 256)), start=1):
        for block in range(blocks):
            place = f"layer{stage}.{block}"
            inputs = (64 if stage == 1 else 2 * width) if block == 0 else 4 * width
            expected[f"{place}.conv1.weight"] = (width, inputs, 1, 1)
            expected[f"{place}.conv2.weight"] = (width, width, 3, 3)
            expected[f"{place}.conv3.weight"] = (4 * width, width, 1, 1)
            norms |= {f"{place}.bn1": width, f"{place}.bn2": width, f"{place}.bn3": 4 * width}
            if block == 0:
                expected[f"{place}.downsample.0.weight"] = (4 * width, inputs, 1, 1)
                norms[f"{place}.downsample.1"] = 4 * width
    for norm, width in norms.items():
        names = ("weight", "bias", "running_mean", "running_var")
        expected |= {f"{norm}.{name}": (width,) for name in names} | {f"{norm}.num_batches_tracked": ()}
    with torch.device("meta"):
        found = ResNet50Conv4c().state_dict()
    assert {key: tuple(value.shape) for key, value in found.items()} == expected
    # the strides of torchvision's weights are in the 3x3 convolutions
    net = ResNet50Conv4c()
    assert net.layer2[0].conv2.stride == (2, 2) and net.layer2[0].conv1.stride == (1, 1)


def test_what_lies_behind_conv4c_is_left_out():
    whole = {name: torch.zeros(1) for name in ("conv1.weight", "layer3.2.bn3.bias", "layer3.3.bn1.bias")}
    whole |= {name: torch.zeros(1) for name in ("layer4.0.conv1.weight", "fc.weight", "head.weight")}
    assert set(up_to_conv4c(whole)) == {"conv1.weight", "layer3.2.bn3.bias", "head.weight"}


@pytest.mark.parametrize("embedder", ["conv", "gru"])
def test_a_vector_depends_on_each_frame_of_the_context_and_on_no_other_take(embedder):
    torch.manual_seed(0)
    config = FrameEncoderConfig("vggm", embedder, size_px=32, context=3, channels=16, dimensions=8)
    net = FrameEncoder(config).eval()
    frames = torch.rand(2, 3, 3, 32, 32) * 2 - 1
    with torch.no_grad():
        before = net(frames)
        assert before.shape == (2, 8)
        for place in range(3):
            changed = frames.clone()
            changed[0, place] = -changed[0, place]
            after = net(changed)
            assert not torch.allclose(after[0], before[0], atol=1e-5)
            torch.testing.assert_close(after[1], before[1])
        halves = net.embedder(net.trunk(frames.flatten(0, 1)).unflatten(0, (2, 3)))
        torch.testing.assert_close(halves, before)
    with pytest.raises(ValueError, match="expected"):
        net(frames[:, :2])


def test_start_values_are_those_of_keras():
    torch.manual_seed(0)
    embedder = ConvEmbedder(64, FrameEncoderConfig(channels=128))
    conv, dense = embedder.convolutions[3], embedder.dense[1]
    deviation = (2 / (128 * 27)) ** 0.5
    assert conv.weight.std().item() == pytest.approx(deviation, rel=0.02)
    assert conv.weight.abs().max() <= 2 * deviation / 0.8796 + 1e-6  # cut at two deviations
    assert dense.weight.abs().max() <= (6 / 256) ** 0.5
    assert not conv.bias.any() and not dense.bias.any()
    norm = embedder.convolutions[1]
    assert (norm.eps, norm.momentum) == (1e-3, 0.01)
    assert isinstance(GruEmbedder(64, FrameEncoderConfig()).recurrent, torch.nn.GRU)


def test_impossible_encoders_are_refused():
    for wrong in (
        {"trunk": "vgg16"},
        {"size_px": 100},
        {"context": 0},
        {"gap_s": float("nan")},
        {"dropout": 1.0},
    ):
        with pytest.raises(ValueError, match=r"trunk|size|positive|gap"):
            FrameEncoderConfig(**wrong)
    assert FrameEncoderConfig(gap_s=0.3).gap_frames(30) == 9
    assert FrameEncoderConfig(gap_s=0.75).gap_frames(20) == 15
    assert FrameEncoderConfig(gap_s=0.01).gap_frames(10) == 1
