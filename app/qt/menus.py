"""The menu bar: every action of the program by name, with its key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from app.qt.analyses import TRAINING
from app.qt.model_shelf import ModelShelf
from models.domain.ontology import load_ontology, ontology_names
from widgets.help_dialog import HelpDialog
from widgets.keymap import BY_ID

PROJECT = "Project"  # keys of this group open, make and leave projects

if TYPE_CHECKING:
    from app.main_window import MainWindow


@dataclass(frozen=True, slots=True)
class Menus:
    """What others keep up to date: two menus, and what makes no sense while no project is open."""

    recent: QMenu
    theme: QMenu
    need_project: tuple[QAction, ...]


def build_menus(window: MainWindow) -> Menus:
    """Fill the menu bar."""
    bar, key = window.menuBar(), window.action_set.action
    file = bar.addMenu("&File")
    file.addActions([key("file.new"), key("file.open")])
    recent = file.addMenu("Open recent")
    _entry(file, "Open the demo project", window.projects.open_demo)
    _entry(file, "Open the pouring demo", lambda: window.projects.open_demo(pouring=True))
    file.addSeparator()
    file.addAction(key("file.add"))
    _entry(file, "Add a folder of images…", window.media.ask_for_folder)
    missing = _entry(file, "Find missing videos…", window.asking.relink)
    file.addSeparator()
    file.addAction(key("file.export"))
    imported = _entry(file, "Import labels…", window.asking.import_labels)
    files = [_entry(file, text, act) for text, act in window.exporting.entries(window.reference)]
    file.addSeparator()
    file.addAction(key("file.quit"))
    edit = bar.addMenu("&Edit")
    edit.addActions([key("edit.undo"), key("edit.redo")])
    edit.addSeparator()
    _entry(edit, "Change keys…", window.interface.change_keys)
    view = bar.addMenu("&View")
    view.addActions(
        [
            key("view.compare"),
            key("view.fit"),
            *(key(f"align.{what}") for what in ("overlay", "poses", "space")),
        ]
    )
    theme = view.addMenu("Theme")
    _entry(view, "Larger joints", lambda: window.interface.scale_joints(1.25))
    _entry(view, "Smaller joints", lambda: window.interface.scale_joints(0.8))
    view.addAction(key("view.commands"))
    label = bar.addMenu("&Label")
    ontologies = label.addMenu("Key events of")
    for name in ontology_names():
        title = load_ontology(name).title
        _entry(ontologies, title, partial(window.projects.choose_ontology, name))
    _entry(label, "Edit key events and phases…", window.projects.edit_ontology)
    label.addSeparator()
    label.addActions([key(f"interval.{what}") for what in ("in", "out", "commit")])
    label.addActions([key(f"label.{what}") for what in ("rename", "split", "merge", "delete")])
    label.addSeparator()
    _entry(label, "Transfer labels…", window.suggesting.ask_transfer)
    _entry(label, "Propose labels from what is labelled", window.suggesting.propose)
    label.addAction(key("label.next"))
    label.addSeparator()
    label.addActions([key(f"review.{what}") for what in ("next", "previous", "accept", "reject")])
    pose = bar.addMenu("&Pose")
    _entry(pose, "Find poses…", lambda: window.asking.run_poses(window.media.selected))
    _entry(pose, "Draw a box around a person", window.interface.draw_box)
    _entry(pose, "Lift to 3D", lambda: window.tasks.lift(window.media.selected))
    _entry(pose, "Remove the last pose result", window.posing.remove_result)
    pose.addSeparator()
    names = (
        "visibility",
        "swap_pair",
        "mirror",
        "copy_previous",
        "next_joint",
        "previous_joint",
    )
    pose.addActions([key(f"pose.{name}") for name in names])
    pose.addSeparator()
    pose.addActions([key(f"pose.{name}") for name in ("release", "interpolate", "interpolate_all", "smooth")])
    pose.addActions([key(f"pose.{name}") for name in ("track", "track_back", "go_to_stop")])
    pose.addSeparator()
    pose.addActions([key("pose.find"), key("pose.judge")])
    pose.addActions([key(f"keyframe.{name}") for name in ("previous", "next")])
    pose.addSeparator()
    _entry(pose, "Smooth poses…", window.smoothed.ask)
    pose.addAction(key("pose.smoothed"))
    _entry(pose, "Stop smoothing", window.smoothed.stop)
    _entry(
        pose, "Lift the smoothed poses to 3D", lambda: window.tasks.lift(window.media.selected, smoothed=True)
    )
    pose.addSeparator()
    who = pose.addMenu("Who is who")
    for text, act in window.people.entries():
        _entry(who, text, act)
    pose.addSeparator()
    models = _entry(pose, "Models…", ModelShelf(window).show)
    space = bar.addMenu("&3D")
    window.space_actions.fill(space, key)
    align = bar.addMenu("&Align")
    _entry(align, "Poses, 3D and alignment of all takes", lambda: window.tasks.everything(window.reference()))
    _entry(align, "Align all takes to this one", lambda: window.set_reference(window.current_take()))
    _entry(align, "Align takes…", lambda: window.asking.align(window.reference()))
    _entry(align, "Transfer the labels of this take", lambda: window.tasks.transfer([window.current_take()]))
    align.addSeparator()
    align.addActions([key(f"align.{what}") for what in ("anchor", "alone_previous", "alone_next")])
    align.addSeparator()
    window.analyses.add(align, *TRAINING)
    analyse = bar.addMenu("&Analyse")
    window.analyses.fill(analyse)
    help_ = bar.addMenu("&Help")
    _entry(help_, "First steps", lambda: HelpDialog("first_steps", window).show())
    help_.addAction(key("help.keys"))
    _entry(help_, "About Keyphase", window.interface.about)
    keys = (key(id_) for id_, known in BY_ID.items() if known.group != PROJECT or id_ == "file.export")
    always = (key("view.commands"), key("help.keys"), models)
    menus = (entry for menu in (label, pose, space, align, analyse) for entry in menu.actions())
    needing = dict.fromkeys((*keys, *menus, missing, imported, *files))
    return Menus(recent, theme, tuple(action for action in needing if action not in always))


def _entry(menu: QMenu, text: str, act: Callable[[], object]) -> QAction:
    made = menu.addAction(text)
    made.triggered.connect(lambda _checked=False: act())
    return made
