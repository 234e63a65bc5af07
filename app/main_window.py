"""The window: where everything stands, and the menus. What happens is in the controllers of `app.qt`."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QLabel,
    QMainWindow,
    QSplitter,
    QStackedWidget,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from app.qt.analyses import Analyses
from app.qt.asking import Asking
from app.qt.beside import Beside
from app.qt.compare_page import make_compare_page
from app.qt.curves import CHOICES, Curves
from app.qt.decoder import Decoder
from app.qt.doubting import Doubting
from app.qt.exporting import Exporting
from app.qt.interface import Interface
from app.qt.job_runner import JobRunner
from app.qt.judging import Judging
from app.qt.keyframing import Keyframing
from app.qt.labelling import Labelling
from app.qt.latest import Latest
from app.qt.layout import keep_layout, restore_layout
from app.qt.media import Media
from app.qt.menus import build_menus
from app.qt.people import People
from app.qt.playback import Playback, proxy_folder
from app.qt.posing import Posing
from app.qt.preferences import Preferences
from app.qt.projects import Projects
from app.qt.relifter import Relifter
from app.qt.review import Review
from app.qt.smoothing import Smoothed
from app.qt.space import Space
from app.qt.space_actions import SpaceActions
from app.qt.stage import Stage
from app.qt.suggesting import Suggesting
from app.qt.tasks import Tasks
from app.qt.thumbnailer import Thumbnailer
from app.qt.workspace import Workspace
from widgets.actions import ActionSet
from widgets.compare_view import CompareView
from widgets.curve_menu import CurveMenu
from widgets.curve_plot import CurvePlot
from widgets.dialogs import Notice
from widgets.doubt_list import DoubtList
from widgets.job_panel import JobPanel
from widgets.joints_panel import JointsPanel
from widgets.judge_panel import JudgePanel
from widgets.label_panel import LabelPanel
from widgets.label_view import LabelTable
from widgets.media_list import MediaList
from widgets.review_list import ReviewList
from widgets.review_panel import ReviewPanel
from widgets.skeleton_surface import make_skeleton_view
from widgets.timeline import Timeline
from widgets.transport import Transport
from widgets.video_canvas import VideoCanvas
from widgets.welcome import Welcome

WELCOME, LABEL, COMPARE = range(3)


class MainWindow(QMainWindow):
    """One project at a time; closing waits for the running step of a job."""

    def __init__(self, preferences: Preferences | None = None) -> None:
        super().__init__()
        self.preferences = preferences or Preferences()
        self.setWindowTitle("Keyphase")
        self.setAcceptDrops(True)
        room = self.screen().availableSize() - QSize(24, 64)  # the frame of the window needs some
        self.resize(QSize(1600, 1000).boundedTo(room))
        self._make_views()
        self._make_controllers()
        self.menus = build_menus(self)
        self._connect()
        restore_layout(self)
        self.interface.refresh()

    # ---- what there is to see

    def _make_views(self) -> None:
        self.welcome, self.notice = Welcome(), Notice()
        self.media_list, self.job_panel = MediaList(), JobPanel()
        self.canvas, self.view_3d = VideoCanvas(), make_skeleton_view()
        self.timeline, self.transport = Timeline(), Transport()
        self.label_panel, self.label_table, self.review_list = LabelPanel(), LabelTable(), ReviewList()
        self.joints_panel, self.compare_view, self.compare_review = JointsPanel(), CompareView(), ReviewList()
        self.doubt_list = DoubtList()
        self.review_panel = ReviewPanel(self.review_list, self.doubt_list)
        self.judge_panel = JudgePanel()
        self.compare_view.add_side_panel(self.compare_review)
        self.curve_plot, self.curve_menu, self.tabs = CurvePlot(), CurveMenu(CHOICES), QTabWidget()
        self.transport.add_widget(self.curve_menu)
        self.tabs.setDocumentMode(True)
        self.tabs.setUsesScrollButtons(False)
        for name, panel in (
            ("Labels", self.label_panel),
            ("Joints", self.joints_panel),
            ("Score", self.judge_panel),
            ("Curves", self.curve_plot),
            ("Review", self.review_panel),
            ("Table", self.label_table),
        ):
            self.tabs.addTab(panel, name)
        self.left = _split(Qt.Orientation.Vertical, (self.media_list, 4), (self.job_panel, 1))
        self.pictures = _split(Qt.Orientation.Horizontal, (self.canvas, 3), (self.view_3d, 1))
        below = QWidget()
        column = QVBoxLayout(below)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.transport)
        column.addWidget(self.timeline, 1)
        self.centre = _split(Qt.Orientation.Vertical, (self.pictures, 5), (below, 2))
        self.desk = _split(Qt.Orientation.Horizontal, (self.left, 0), (self.centre, 1), (self.tabs, 0))
        self.left.setMinimumWidth(226)
        self.tabs.setMinimumWidth(316)
        self.desk.setSizes([236, 1030, 334])
        self.centre.setSizes([610, 320])
        self.pictures.setSizes([780, 284])
        self.left.setSizes([700, 230])
        self.pages = QStackedWidget()
        for page in (self.welcome, self.desk, self.compare_view):
            self.pages.addWidget(page)
        outer = QWidget()
        frame = QVBoxLayout(outer)
        frame.setContentsMargins(0, 0, 0, 0)
        frame.setSpacing(0)
        frame.addWidget(self.notice)
        frame.addWidget(self.pages, 1)
        self.setCentralWidget(outer)
        self.undo_note, self.status_note = QLabel(), QLabel()
        self.statusBar().addWidget(self.undo_note)
        self.statusBar().addPermanentWidget(self.status_note)

    def _make_controllers(self) -> None:
        self.workspace = Workspace(self)
        self.runner, self.decoder = JobRunner(self), Decoder(self)
        self.thumbnailer, self.relifter = Thumbnailer(self), Relifter(self)
        self.action_set = ActionSet(self)
        self.playback = Playback(self.workspace, self.decoder, self.canvas, self.timeline, self.transport)
        self.labelling = Labelling(self.workspace, self.timeline)
        self.posing = Posing(self.workspace, self.canvas)
        self.stage = Stage(self.workspace, self.playback, self.posing, self.canvas, self.joints_panel)
        views = (self.timeline, self.curve_plot, self.curve_menu)
        self.curves = Curves(self.workspace, self.playback, self.posing, self.preferences, *views)
        self.space = Space(
            self.workspace, self.playback, self.posing, self.relifter, self.canvas, self.view_3d
        )
        self.people = People(self.workspace, self.posing, self.canvas, self.joints_panel, self.timeline, self)
        self.smoothed = Smoothed(self.workspace, self.posing, self.canvas, self)
        queues = (self.review_list, self.compare_review)
        self.review = Review(
            self.workspace, self.labelling, self.playback, self.label_panel, self.label_table, queues
        )
        self.media = Media(self.workspace, self.media_list, self.timeline, self.thumbnailer)
        self.tasks = Tasks(self.workspace, self.runner, self.job_panel)
        parts = (self.workspace, self.playback, self.posing, self.tasks, self.preferences)
        self.latest = Latest(self)
        self.beside = Beside(self.workspace, self.latest, self.review_list, self.review_panel.pictures)
        self.suggesting = Suggesting(self.workspace, self.tasks, self.review_panel, self)
        stage = (self.workspace, self.playback, self.posing, self.preferences)
        self.doubting = Doubting(*stage, self.latest, self.review_panel, self.timeline)
        self.judging = Judging(*stage, self.latest, self.judge_panel, self.canvas, self.curves)
        self.keyframing = Keyframing(*parts, self.canvas, self.joints_panel, self.timeline)
        self.projects = Projects(self.workspace, self.runner, self.preferences, self)
        self.asking = Asking(self.workspace, self.tasks, self)
        self.space_actions = SpaceActions(self.workspace, self.space, self.tasks, self.view_3d, self)
        self.comparing, self.anchoring = make_compare_page(self)
        self.analyses = Analyses(self)
        self.exporting = Exporting(self)
        self.interface = Interface(self)

    # ---- how it hangs together

    def _connect(self) -> None:
        w = self.workspace
        self.media.add_paths.connect(self._on_paths)
        self.media.relink_wanted.connect(self.asking.relink)
        self.media_list.reference_requested.connect(self.set_reference)
        self.media_list.pose_requested.connect(self.asking.run_poses)
        self.media_list.lift_requested.connect(self.tasks.lift)
        self.media_list.align_requested.connect(lambda uids: self.tasks.align(self.reference(), uids))
        self.label_panel.edit_ontology_requested.connect(self.projects.edit_ontology)
        self.canvas.box_drawn.connect(self._on_box)
        self.playback.wants_proxy.connect(self.tasks.proxy)
        self.tasks.proxy_ready.connect(lambda uid: self.decoder.use_proxy(uid, proxy_folder()))
        self.review.jumped.connect(self.comparing.show_moment)
        self.suggesting.jump_requested.connect(self.review.show_frame)
        self.comparing.reference_changed.connect(self.media.set_reference)
        self.welcome.new_requested.connect(self.projects.new)
        self.welcome.open_requested.connect(self.projects.ask_and_open)
        self.welcome.demo_requested.connect(self.projects.open_demo)
        self.welcome.open_recent_requested.connect(self.projects.open)
        self.welcome.files_dropped.connect(lambda paths: self._on_paths([Path(p) for p in paths]))
        self.projects.notice.connect(self.notice.show_text)
        w.project_changed.connect(self._on_project_changed)
        self.interface.connect_all()

    def current_take(self) -> str:
        return self.workspace.take.uid if self.workspace.take else ""

    def reference(self) -> str:
        return self.comparing.reference_uid or self.current_take()

    def set_reference(self, uid: str) -> None:
        """Make a take the reference and align all others to it."""
        if uid:
            self.comparing.set_reference(uid)
            self.tasks.align(uid)

    def _on_paths(self, paths: list[Path]) -> None:
        """Files that were chosen or dropped: projects are opened, videos added (if need be to a new one)."""
        projects = [path for path in paths if path.suffix.lower() == ".keyphase"]
        if projects:
            self.projects.open(projects[0])
        elif self.workspace.session is not None or self.projects.new(paths):
            self.asking.add_paths(paths)

    def _on_box(self, x1: float, y1: float, x2: float, y2: float) -> None:
        self.canvas.set_box_mode(False)
        chosen = self.posing.selection
        person = chosen.person if chosen else None
        self.tasks.follow(self.current_take(), self.workspace.frame, box=(x1, y1, x2, y2), person=person)

    def _on_project_changed(self) -> None:
        self._turn_to(LABEL if self.workspace.session is not None else WELCOME)
        self.interface.refresh()

    def show_page(self, page: int) -> None:
        self.playback.pause()
        self.comparing.set_active(page == COMPARE)
        self._turn_to(page)

    def _turn_to(self, page: int) -> None:
        """The pictures get the keys: else Space would press the first button of the page."""
        self.pages.setCurrentIndex(page)
        (self.welcome, self.canvas, self.compare_view.stage)[page].setFocus()

    def toggle_compare(self) -> None:
        if self.workspace.session is not None:
            self.show_page(LABEL if self.pages.currentIndex() == COMPARE else COMPARE)

    # ---- the window itself

    def closeEvent(self, event: QCloseEvent) -> None:
        keep_layout(self)
        self.playback.pause()
        self.runner.shut_down()
        for part in (self.analyses, self.thumbnailer, self.relifter, self.latest):
            part.shut_down()
        self.decoder.close_all()
        self.workspace.close()
        event.accept()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self._on_paths(paths)


def _split(orientation: Qt.Orientation, *parts: tuple[QWidget, int]) -> QSplitter:
    splitter = QSplitter(orientation)
    splitter.setHandleWidth(1)
    splitter.setChildrenCollapsible(False)
    for place, (part, stretch) in enumerate(parts):
        splitter.addWidget(part)
        splitter.setStretchFactor(place, stretch)
    return splitter
