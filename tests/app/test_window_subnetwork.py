"""The subnetwork window: models, the slider, what changes at the playhead, overlap, and what is missing."""

from __future__ import annotations

import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from safetensors.torch import save_file

from app.qt.analyses import _subnetwork
from app.qt.subnetwork import Subnetwork
from app.services.models import add_model, remove_model
from app.services.subnetwork_effect import Effects
from app.session import Session
from models.domain.ontology import load_ontology
from models.domain.subnetwork import BoxChange, Effect, PoseChange
from models.nets.edge_popup import adopt, convert
from models.nets.videopose3d import TemporalModel, config_from_tensors
from models.run.library import resolve
from models.run.score_ranks import write_ranks
from models.run.supermask import pack
from models.run.supermask_pack import Drawing, pack_file
from models.run.weights import load_entry
from models.train.edge_recipes import EdgeRecipe
from models.train.train_edge_popup import build
from tests.app.conftest import FRAMES, Desk
from tests.app.takes import add, put_track, write_take


def lifter_file(folder: Path, name: str, *, seed: int, keep: float = 0.5, ranks: bool = True) -> Path:
    """The bundled lifter as a supermask network whose signs are chosen, too: NAME.kpm."""
    own = {k: v for k, v in load_entry(resolve("videopose3d-mocap-27")).items() if not k.startswith("traj")}
    net = convert(
        TemporalModel(config_from_tensors(own, 18)),
        keep=keep,
        seed=seed,
        signed=True,
        affine=True,
        train_biases=True,
    )
    adopt(net, own)
    path = folder / f"{name}.kpm"
    pack(net, path, seed=seed, init="signed_constant", keep=keep, description={"kind": "lift3d"})
    if ranks:
        write_ranks(net, path.with_suffix(".ranks"))
    return path


def opened(desk: Desk, project: Path | None = None) -> Subnetwork:
    if project is not None:
        desk.open(project)
    desk.window.analyses.show("Subnetwork…", _subnetwork)
    made = desk.window.analyses._made["Subnetwork…"]
    assert isinstance(made, Subnetwork)
    settled(desk, made)
    return made


def settled(desk: Desk, window: Subnetwork) -> None:
    desk.until(lambda: not window.busy)


def choose(desk: Desk, window: Subnetwork, name: str) -> None:
    """As the list of models does."""
    at = window.view.model.findData(name)
    if at >= 0:
        window.view.model.setCurrentIndex(at)
    window.view.model_chosen.emit(name)
    settled(desk, window)


def kept(window: Subnetwork, row: int = 0) -> str:
    item = window.view.layers.item(row, 3)
    assert item is not None
    return item.text()


def said(window: Subnetwork) -> str:
    return window.view.effect.message or window.view.effect.said.text()


def test_the_slider_thins_the_lifter_and_shows_how_far_joints_move(desk: Desk, project: Path) -> None:
    window = opened(desk, project)
    view = window.view
    assert view.model.currentData() == "videopose3d-mocap-27"
    assert view.layers.layers[0] == "expand_conv" and view.keep.sixteenths == 16
    assert said(window).startswith("Joints move by 0 mm") and "as trained" in view.share.text()
    for _ in range(12):
        QTest.keyClick(view.keep.slider, Qt.Key.Key_Left)
    settled(desk, window)
    assert view.keep.sixteenths == 4 and "25%" in view.share.text() and kept(window) == "25.0%"
    assert "mm in this frame" in said(window) and not said(window).startswith("Joints move by 0 mm")
    assert view.effect.body is not None and view.effect.body.scene.compared is not None
    assert "here 78.4 mm, as trained 35.1 mm" in view._curve_note.text()
    QTest.mouseClick(view.trained, Qt.MouseButton.LeftButton)
    settled(desk, window)
    assert said(window).startswith("Joints move by 0 mm") and not view.trained.isEnabled()


def test_arrows_move_the_slider_wherever_the_focus_is(desk: Desk, project: Path) -> None:
    window = opened(desk, project)
    view = window.view
    view.layers.setFocus()
    desk.until(view.layers.hasFocus)
    for _ in range(3):
        QTest.keyClick(view.layers, Qt.Key.Key_Left)
    QTest.keyClick(view.layers, Qt.Key.Key_Down)
    QTest.keyClick(view.layers, Qt.Key.Key_Right)
    assert view.keep.sixteenths == 14 and view.layers.layer == "layers_conv.0"
    assert desk.window.workspace.frame == 0, "the playhead of the window behind stays"
    settled(desk, window)


def test_of_many_moves_only_the_newest_is_run(
    desk: Desk, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = opened(desk, project)
    run: list[int] = []
    of = Effects.of

    def counted(self: Effects, session: Session, *rest: object) -> Effect:
        run.append(int(rest[-1]))  # type: ignore[call-overload]
        return of(self, session, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Effects, "of", counted)
    for sixteenths in range(15, 0, -1):
        window.view.keep.move_to(sixteenths)
    settled(desk, window)
    assert run[-1] == 1 and len(run) <= 3 and kept(window) == "6.2%"


def test_a_pose_network_is_run_on_the_frame_at_the_playhead(desk: Desk, project: Path) -> None:
    window = opened(desk, project)
    choose(desk, window, "hrnet-body19")
    change = window.view.effect.pose.change
    assert isinstance(change, PoseChange) and change.percent == 0 and change.image.shape[2] == 3
    window.view.keep.move_to(3)
    settled(desk, window)
    thinned = window.view.effect.pose.change
    assert (
        isinstance(thinned, PoseChange)
        and thinned.percent > 1
        and np.array_equal(thinned.whole, change.whole)
    )
    assert f"{thinned.percent:.1f} % of the person's size" in said(window)
    desk.go_to(20)
    desk.until(lambda: window.view.effect.pose.change is not thinned)
    later = window.view.effect.pose.change
    assert isinstance(later, PoseChange) and not np.array_equal(later.whole, thinned.whole)


def test_a_pose_encoder_tells_how_distances_between_frames_change(desk: Desk, project: Path) -> None:
    window = opened(desk, project)
    choose(desk, window, "pose-encoder-penn")
    assert "correlate by 1.000; 100%" in said(window)
    window.view.keep.move_to(2)
    settled(desk, window)
    before, after = window.view.effect.before.picture, window.view.effect.after.picture
    assert before is not None and after is not None and before.cost.shape == (FRAMES, FRAMES)
    expected = np.corrcoef(*(p.cost[np.triu_indices(FRAMES, 1)] for p in (before, after)))[0, 1]
    assert f"correlate by {expected:.3f}" in said(window) and expected < 0.999


def test_a_supermask_in_a_file_shows_its_scores_and_its_signs(
    desk: Desk, project: Path, tmp_path: Path
) -> None:
    window, view = (made := opened(desk, project)), made.view
    choose(desk, window, str(lifter_file(tmp_path, "mine", seed=1)))
    assert view.model.currentText() == "mine.kpm · file" and "keep, hide, invert" in view.facts.text()
    assert view.keep.sixteenths == 8 and not view.layers.isColumnHidden(4)
    assert view._scores is not None and view._scores._shown is not None
    assert list(view._scores._shown.parts) == ["positive weights", "negative weights"]
    assert "Add this file to the models" in view._no_curve.text()
    view.keep.move_to(12)
    settled(desk, window)
    assert kept(window) == "75.0%" and view._scores._shown.threshold == 4.0
    assert not said(window).startswith("Joints move by 0 mm")


def test_a_file_with_one_mask_has_no_other_shares(desk: Desk, project: Path, tmp_path: Path) -> None:
    window = opened(desk, project)
    choose(desk, window, str(lifter_file(tmp_path, "one", seed=1, keep=0.3, ranks=False)))
    view = window.view
    assert not view.keep.isEnabled() and "30% of the weights · as trained" in view.share.text()
    assert "one mask and no scores" in view._no_scores.text() and kept(window) == "30.0%"
    view.activateWindow()
    QTest.keyClick(view, Qt.Key.Key_Left)
    assert view.keep.sixteenths == 5 and said(window).startswith("Joints move by 0 mm")


def test_networks_of_the_paper_show_the_scores_they_are_trained_by(
    desk: Desk, project: Path, tmp_path: Path
) -> None:
    runs = []
    for seed in (1, 2):
        recipe = EdgeRecipe("Conv2", keep=0.3, width=0.25, seed=seed)
        net = build(recipe)
        path = tmp_path / f"run{seed}.checkpoint"
        torch.save({"recipe": f"{asdict(recipe)!r}", "model": net.state_dict()}, path)
        runs.append(str(path))
    window, view = (made := opened(desk, project)), made.view
    choose(desk, window, runs[0])
    assert "in training, with scores, 30% kept" in view.facts.text() and kept(window) == "30.1%"
    assert view._scores is not None and view._scores._shown is not None
    assert view._scores._shown.axis == "size of the score" and "not shown here" in said(window)
    view.other_chosen.emit(runs[1])
    settled(desk, window)
    shares = [row.overlap for row in view._overlap._rows]  # type: ignore[union-attr]
    assert len(shares) == 5 and np.allclose(shares[1:], 0.3 / 1.7, atol=0.08), "two random choices"
    view.keep.move_to(8)
    settled(desk, window)
    assert np.allclose([row.chance for row in view._overlap._rows], 1 / 3, atol=0.01)  # type: ignore[union-attr]
    packed = tmp_path / "run.kpm"
    pack_file(Path(runs[1]), packed, Drawing())
    choose(desk, window, str(packed))
    assert view.layers.layers[0] == "convs.0" and "one mask and no scores" in view._no_scores.text()


def test_masks_of_two_inits_are_compared_layer_by_layer(desk: Desk, project: Path, tmp_path: Path) -> None:
    window, view = (made := opened(desk, project)), made.view
    choose(desk, window, str(lifter_file(tmp_path, "a", seed=1)))
    view.other_chosen.emit(str(lifter_file(tmp_path, "b", seed=2)))
    settled(desk, window)
    assert view._overlap is not None and len(view._overlap._rows) == 6
    # both were adopted from one network: they chose the same weights, whatever was drawn
    assert "1.00 on average over 6 layers" in view._overlap_note.text()
    assert "0.33 (dashes)" in view._overlap_note.text()
    view.keep.move_to(4)
    settled(desk, window)
    assert "0.14 (dashes)" in view._overlap_note.text()


def test_masks_of_another_architecture_are_not_compared(desk: Desk, project: Path, tmp_path: Path) -> None:
    window, view = (made := opened(desk, project)), made.view
    assert "hrnet-body19" not in [view.other.itemText(k) for k in range(view.other.count())]
    view.other_chosen.emit("pose-encoder-penn")
    settled(desk, window)
    assert "another architecture: it differs in expand_conv and" in view._no_overlap.text()
    thin = TemporalModel(config_from_tensors({**load_entry(resolve("videopose3d-mocap-27"))}, 18)).config
    net = TemporalModel(replace(thin, channels=64))
    save_file(net.state_dict(), tmp_path / "narrow.safetensors")
    view.other_chosen.emit(str(tmp_path / "narrow.safetensors"))
    settled(desk, window)
    assert "it differs in expand_conv and" in view._no_overlap.text()
    view.other_chosen.emit(str(tmp_path / "none.kpm"))
    settled(desk, window)
    assert "no weights file" in view._no_overlap.text()


def test_a_damaged_file_says_so_and_another_model_can_be_chosen(
    desk: Desk, project: Path, tmp_path: Path
) -> None:
    window, view = (made := opened(desk, project)), made.view
    path = lifter_file(tmp_path, "mine", seed=1)
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    choose(desk, window, str(path))
    assert "altered after it was written" in view.problem.text() and not view.keep.isEnabled()
    assert view.layers.rowCount() == 0 and "altered" in said(window)
    (tmp_path / "text.safetensors").write_text("no network")
    choose(desk, window, str(tmp_path / "text.safetensors"))
    assert "cannot be read" in view.problem.text()
    choose(desk, window, "pose-encoder-penn")
    assert not view.problem.isVisible() and view.keep.isEnabled() and view.layers.rowCount() == 10


def test_ranks_of_another_network_are_named(desk: Desk, project: Path, tmp_path: Path) -> None:
    window = opened(desk, project)
    path = lifter_file(tmp_path, "mine", seed=1)
    other = convert(torch.nn.Sequential(torch.nn.Linear(4, 4)), keep=0.5)
    write_ranks(other, path.with_suffix(".ranks"))
    choose(desk, window, str(path))
    assert "mine.ranks belongs to another network" in window.view.problem.text()


def test_an_added_model_that_is_removed_meanwhile(desk: Desk, project: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.safetensors"
    shutil.copy(resolve("videopose3d-mocap-27").path, file)
    add_model(file, name="mine")
    window = opened(desk, project)
    choose(desk, window, "mine")
    assert "keyphase eval keep mine --data mocap/cmu.npz --write" in window.view._no_curve.text()
    remove_model("mine")
    window.view.keep.move_to(8)  # it is in memory still
    settled(desk, window)
    assert kept(window) == "50.0%"
    choose(desk, window, "mine")
    assert "no weights called 'mine'" in window.view.problem.text()
    window.view.close()
    window.show()
    settled(desk, window)
    assert window.view.model.currentData() == "videopose3d-mocap-27" and not window.view.problem.text()


def test_without_a_take_or_poses_or_a_person_a_sentence_says_what_is_missing(
    desk: Desk, tmp_path: Path
) -> None:
    with Session.create(tmp_path / "p.keyphase", load_ontology("pouring")) as session:
        seen, _bare = add(
            session, write_take(tmp_path / "a.mp4", FRAMES), write_take(tmp_path / "b.mp4", FRAMES, 100)
        )
        put_track(session, seen, np.full((FRAMES, 17, 3), np.nan, np.float32))
    with Session.create(tmp_path / "empty.keyphase", load_ontology("pouring")):
        pass
    window = opened(desk, tmp_path / "p.keyphase")
    assert "Nobody is seen around this frame" in said(window)
    choose(desk, window, "pose-encoder-penn")
    assert "Nobody is seen long enough" in said(window)
    choose(desk, window, "hrnet-body19")
    assert "Nobody is found in this frame" in said(window)
    desk.window.workspace.show_take(desk.video_uid("b"))
    choose(desk, window, "videopose3d-mocap-27")
    assert "has no poses yet" in said(window) and "lifted" in said(window)
    assert desk.window.projects.open(tmp_path / "empty.keyphase")
    assert not window.view.isVisible()
    window.show()
    settled(desk, window)
    assert "No video is open" in said(window)


def test_a_detector_shows_whom_it_finds_with_and_without_the_weights(
    desk: Desk, shared_dir: Path, tmp_path: Path
) -> None:
    with Session.create(tmp_path / "p.keyphase", load_ontology("pouring")) as session:
        add(session, shared_dir / "data/videos/golf_0.mp4")
    window = opened(desk, tmp_path / "p.keyphase")
    choose(desk, window, "person-detector")
    whole = window.view.effect.pose.change
    assert isinstance(whole, BoxChange) and whole.same == len(whole.whole) > 0
    assert window.view.layers.layers[0] == "stem.0" and "as trained;" in said(window)
    window.view.keep.move_to(4)
    settled(desk, window)
    thinned = window.view.effect.pose.change
    assert isinstance(thinned, BoxChange) and np.array_equal(thinned.whole, whole.whole)
    assert thinned.same < whole.same and "none of them" in said(window)


def test_a_missing_video_is_told_and_everything_else_works(desk: Desk, project: Path) -> None:
    window = opened(desk, project)
    (project.parent / "a.mp4").rename(project.parent / "gone.mp4")
    choose(desk, window, "hrnet-body19")
    assert "The file of take 'a' is missing" in said(window) and window.view.layers.rowCount() == 176


def test_the_window_closes_while_it_works(desk: Desk, project: Path) -> None:
    window = opened(desk, project)
    choose(desk, window, "hrnet-body19")
    window.view.keep.move_to(5)
    window.view.close()
    assert not window.view.isVisible() and not window._wanted & {"effect"}
    window.show()
    settled(desk, window)
    assert window.view.keep.sixteenths == 5 and "% of the person's size" in said(window)
    window.view.keep.move_to(7)
    desk.window.close()  # the thread ends: see the fixture that looks for threads


def test_layers_sort_by_their_numbers_and_keep_the_chosen_one(desk: Desk, project: Path) -> None:
    window = opened(desk, project)
    table = window.view.layers
    table.choose("shrink")
    header = table.horizontalHeader()

    def click(column: int) -> None:
        at = QPoint(header.sectionViewportPosition(column) + 12, header.height() // 2)
        QTest.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=at)

    order = table.layers
    click(2)
    weights = [int(table.item(row, 2).text().replace(",", "")) for row in range(table.rowCount())]  # type: ignore[union-attr]
    assert weights == sorted(weights) and table.layer == "shrink"
    click(2)
    assert table.layers[0] == "layers_conv.0" and table.layer == "shrink"
    window.view.keep.move_to(9)
    settled(desk, window)
    assert table.layers[0] == "layers_conv.0" and table.layer == "shrink", "also with new numbers"
    click(2)
    assert table.layers == order


def test_a_filter_is_shown_large_with_the_names_of_what_it_sees(desk: Desk, project: Path) -> None:
    window = opened(desk, project)
    view = window.view
    window.view.keep.move_to(8)
    settled(desk, window)
    view.tabs.setCurrentIndex(1)
    desk.settle()
    wall, large = view.filters.wall, view.filters.large
    large.grab()
    at = large.cell_box(5, 4).center().toPoint()  # left knee, y, the frame itself
    assert large.text_at(at).startswith("left knee, y, frame 0\nin use in ")
    QTest.mouseClick(wall, Qt.MouseButton.LeftButton, pos=wall.tile_box(2).center())
    weight = window._look.model.everything["expand_conv"][2].ravel()  # type: ignore[union-attr]
    value = weight[(5 * 3 + 1) * 3 + 1]
    assert f"{value:+.3g}" in large.text_at(at) and "filter 3" in view.filters._title.text()
    mask = window._look.masks["expand_conv"][2, 5 * 3 + 1, 1]  # type: ignore[union-attr]
    assert large.text_at(at).endswith("in use" if mask else "left out")
    QTest.mouseClick(wall, Qt.MouseButton.LeftButton, pos=wall.tile_box(2).center())
    assert "share in use over 512 filters" in view.filters._title.text()
