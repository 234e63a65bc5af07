"""The window as a tool: keys to actions, themes, the command palette, the status line, messages."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QInputDialog, QMenu

from models.domain.errors import KnownError
from models.domain.progress import Progress
from widgets.actions import ShortcutGuard
from widgets.command_palette import Command, CommandPalette
from widgets.dialogs import BugDialog, MessageDialog, known_error_dialog
from widgets.key_editor import KeyEditor
from widgets.key_sheet import KeySheet
from widgets.keymap import ACTIONS, Keys, load_mapping, save_mapping, shown_keys
from widgets.theme import DARK, LIGHT, apply_theme, system_theme
from widgets.welcome import RecentProject

if TYPE_CHECKING:
    from app.main_window import MainWindow

THEMES = {"Like the system": None, "Dark": DARK, "Light": LIGHT}
MESSAGE_MS = 6000


class Interface(QObject):
    """Controller of everything around the work itself."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window = window
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        self.app = app
        self.guard = ShortcutGuard(app, self)
        self._handlers: dict[str, Callable[[], object]] = {}

    def connect_all(self) -> None:
        """Connect keys, menus and messages; called once, when the window's parts exist."""
        w = self.window
        parts = (w.playback, w.labelling, w.posing, w.smoothed, w.keyframing, w.review)
        for part in (*parts, w.projects, w.asking, w.comparing, w.anchoring, w.space_actions):
            self._handlers |= part.actions()
        self._handlers |= w.doubting.actions(w.suggesting.actions(w.review.actions()))
        self._handlers |= {
            "play.phase": self._play_phase,
            "label.rename": self.name_interval,
            "pose.find": self._find_frames,
            "label.next": self._label_next,
            "pose.judge": self._judge,
            "view.fit": self._fit,
            "view.compare": w.toggle_compare,
            "view.commands": self.show_palette,
            "help.keys": self.show_keys,
            "edit.undo": w.workspace.undo,
            "edit.redo": w.workspace.redo,
            "file.add": w.media.ask_for_files,
            "file.quit": w.close,
        }
        self.scale_joints(1.0)
        w.action_set.triggered.connect(self.run)
        w.action_set.scope(w.canvas, ("pose.next_joint", "pose.previous_joint"))
        w.action_set.mapping_changed.connect(self._show_keys_on_canvas)
        w.action_set.set_mapping(load_mapping(w.preferences.get("keys", {})))
        w.workspace.problem.connect(
            lambda text, hint: known_error_dialog(KnownError(text, hint=hint), w).exec()
        )
        w.workspace.message.connect(lambda text: w.statusBar().showMessage(text, MESSAGE_MS))
        w.workspace.edited.connect(lambda _change: self.refresh())
        w.runner.progressed.connect(self._show_progress)
        w.tasks.busy_changed.connect(lambda _busy: self.refresh())
        w.tasks.report_wanted.connect(self._show_report)
        w.review_list.count_changed.connect(self._show_review_count)
        w.timeline.rename_requested.connect(self._name_this)
        w.label_panel.annotator_changed.connect(lambda name: w.preferences.put("annotator", name))
        w.label_panel.set_annotator(str(w.preferences.get("annotator", "")))
        w.workspace.annotator = str(w.preferences.get("annotator", ""))
        for name in THEMES:
            action = w.menus.theme.addAction(name)
            action.triggered.connect(lambda _checked=False, name=name: self.choose_theme(name))
        sys.excepthook = self._on_bug

    def _show_keys_on_canvas(self) -> None:
        """The canvas, its menus and the review queues show the keys that are set."""
        mapping = self.window.action_set.mapping
        names = {"fit": "view.fit", "visibility": "pose.visibility", "swap": "pose.swap_pair"}
        names |= {
            name: f"pose.{name}" for name in ("mirror", "copy_previous", "interpolate", "track", "track_back")
        }
        self.window.keyframing.set_keys(mapping["pose.go_to_stop"])
        self.window.canvas.set_keys({name: next(iter(mapping[id_]), "") for name, id_ in names.items()})
        review = [shown_keys(mapping[f"review.{what}"]) for what in ("next", "accept", "reject")]
        nudge = " ".join(shown_keys(mapping[f"edge.nudge_{way}"]) for way in ("back", "on"))
        hint = f"{review[0]} next · {review[1]} accept · {review[2]} reject · {nudge} nudge"
        for queue in (self.window.review_list, self.window.compare_review):
            queue.set_hint(hint)
        self.window.doubt_list.set_hint(self._doubts_hint(mapping))

    @staticmethod
    def _doubts_hint(mapping: Mapping[str, Keys]) -> str:
        said = (("review.next", "next"), ("review.reject", "mend"), ("review.accept", "keep"))
        also = (("pose.swap_pair", "swap"),)
        return " · ".join(f"{shown_keys(mapping[id_])} {what}" for id_, what in (*said, *also))

    def run(self, action_id: str) -> None:
        """Carry out an action by its id, as its key would."""
        compare, own = self.window.comparing, {}
        if compare.active:
            own = compare.own_actions() | self.window.anchoring.own_actions()
        handler = own.get(action_id) or self._handlers.get(action_id)
        if handler is not None:
            handler()

    # ---- what the window says about itself

    def refresh(self) -> None:
        """Title, undo texts, recent projects, which actions make sense."""
        w = self.window
        session = w.workspace.session
        for action in w.menus.need_project:
            action.setEnabled(session is not None)
        star = "*" if w.tasks.busy else ""
        name = f"{session.project.path.stem}{star} – Keyphase" if session else "Keyphase"
        w.setWindowTitle(name)
        undo, redo = (session.history.undo_text, session.history.redo_text) if session else ("", "")
        w.undo_note.setText(f"undo: {undo}" if undo else "")
        for action_id, text, verb in (("edit.undo", undo, "Undo"), ("edit.redo", redo, "Redo")):
            action = w.action_set.action(action_id)
            action.setText(f"{verb} {text}" if text else verb)
            action.setEnabled(bool(text))
        if session is None:
            w.status_note.setText("")
        else:
            state = "read-only" if session.project.read_only else "saved"
            w.status_note.setText(f"{session.project.path.name} · {state}")
        recent = [Path(path) for path in w.preferences.recent_projects()]
        w.welcome.set_recent([RecentProject(path) for path in recent])
        w.menus.recent.clear()
        for path in recent:
            w.menus.recent.addAction(str(path)).triggered.connect(
                lambda _checked=False, path=path: w.projects.open(path)
            )
        w.menus.recent.setEnabled(bool(recent))

    def _show_progress(self, _job: int, progress: Progress) -> None:
        """Where no job panel is on screen, the status line tells how a job comes along."""
        if not self.window.job_panel.isVisible():
            self.window.statusBar().showMessage(f"{progress.note} · {progress.done} of {progress.total}")

    def _show_review_count(self, count: int) -> None:
        place = self.window.tabs.indexOf(self.window.review_panel)
        self.window.tabs.setTabText(place, f"Review {count}" if count else "Review")

    def choose_theme(self, name: str) -> None:
        self.window.preferences.put("theme", name)
        apply_theme(self.app, THEMES.get(name) or system_theme())

    def scale_joints(self, factor: float) -> None:
        """Make the joints on the canvas larger or smaller; remembered."""
        before = self.window.preferences.get("joint scale", 1.0)
        scale = min(max((before if isinstance(before, (int, float)) else 1.0) * factor, 0.5), 3.0)
        self.window.preferences.put("joint scale", scale)
        self.window.canvas.set_handle_scale(scale)

    # ---- keys and commands

    def show_keys(self) -> None:
        KeySheet(self.window.action_set.mapping, self.window).exec()

    def change_keys(self) -> None:
        editor = KeyEditor(self.window.action_set.mapping, self.window)
        if editor.exec():
            self.window.action_set.set_mapping(editor.mapping)
            self.window.preferences.put("keys", save_mapping(editor.mapping))

    def show_palette(self) -> None:
        """Everything that has a key, then what only the menus have."""
        mapping, action = self.window.action_set.mapping, self.window.action_set.action
        commands = [
            Command(a.id, a.text, a.group, shown_keys(mapping[a.id]), action(a.id).isEnabled())
            for a in ACTIONS
            if a.id in self._handlers and a.id != "view.commands"
        ]
        others = {f"menu/{menu}/{entry.text()}": (menu, entry) for menu, entry in self._menu_entries()}
        commands += [
            Command(id_, entry.text(), menu, "", entry.isEnabled()) for id_, (menu, entry) in others.items()
        ]
        palette = CommandPalette(commands, self.window)
        palette.chosen.connect(lambda id_: others[id_][1].trigger() if id_ in others else self.run(id_))
        palette.show()

    def _menu_entries(self) -> Iterator[tuple[str, QAction]]:
        """Entries of the menus that have no key of their own, with the name of their menu."""
        for menu in self.window.menuBar().findChildren(QMenu):
            for entry in menu.actions():
                if entry.menu() is None and entry.text() and entry.objectName() not in self._handlers:
                    yield menu.title().replace("&", ""), entry

    def name_interval(self) -> None:
        """Ask for name and tier of the selected interval."""
        labelling = self.window.labelling
        interval = next((i for i in labelling.intervals if i.uid == labelling.selection), None)
        if interval is None:
            self.window.workspace.message.emit("Select an interval first.")
            return
        name, ok = QInputDialog.getText(self.window, "Name", "Name of the interval", text=interval.name)
        if not ok or not name.strip():
            return
        tiers = list(dict.fromkeys([interval.tier, *(i.tier for i in labelling.intervals)]))
        tier, ok = QInputDialog.getItem(self.window, "Tier", "Tier it stands on", tiers, 0, True)
        if ok and tier.strip():
            labelling.rename_interval(interval.uid, name.strip(), tier.strip())

    def _name_this(self, uid: str) -> None:
        self.window.labelling.select(uid)
        self.name_interval()

    def about(self) -> None:
        text = (
            "Label the phases of human actions in video: "
            "exact frames, editable poses, takes that play in step.\n\n"
            "MIT licence. The bundled models have licences of their own: see their model cards."
        )
        MessageDialog("Keyphase", text, parent=self.window).exec()

    def _play_phase(self) -> None:
        w = self.window
        span = w.labelling.selected_range()
        if span is None:
            w.workspace.message.emit("There is no phase or interval here to play.")
        else:
            w.playback.play(1.0, span)

    def draw_box(self) -> None:
        """The next drag on the picture draws a box around the person to follow from here on."""
        self.window.canvas.set_box_mode(True)
        self.window.workspace.message.emit("Drag a box around the person to follow; Escape leaves it.")

    def _find_frames(self) -> None:
        """The queue of doubtful frames; from now on N and P walk it."""
        w = self.window
        w.tabs.setCurrentWidget(w.review_panel)
        w.review_panel.show_frames()

    def _label_next(self) -> None:
        """Where a label helps most; from now on N and P walk that list."""
        self.window.tabs.setCurrentWidget(self.window.review_panel)
        self.window.suggesting.find_next()

    def _judge(self) -> None:
        """Compare the poses with the truth, or leave it."""
        w = self.window
        w.judging.toggle()
        if w.judge_panel.shown:
            w.tabs.setCurrentWidget(w.judge_panel)

    def _fit(self) -> None:
        self.window.canvas.fit()
        self.window.timeline.fit()

    # ---- when something goes wrong

    def _show_report(self, message: str, report: str) -> None:
        if report:
            BugDialog(report, self.window).exec()
        else:
            known_error_dialog(KnownError(message), self.window).exec()

    def _on_bug(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """An error of ours that nobody caught: told once, with a report; the window stays."""
        report = "".join(traceback.format_exception(kind, error, trace))
        sys.stderr.write(report)
        if isinstance(error, KnownError):
            known_error_dialog(error, self.window).exec()
        elif not isinstance(error, KeyboardInterrupt):
            BugDialog(report, self.window).exec()
