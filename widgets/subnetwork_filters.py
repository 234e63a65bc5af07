"""The filters of a first layer and their masks: all of them as small tiles, one of them large with names.

Blue is a positive weight, orange a negative one, the stronger the larger it is; a weight that is left out is
an empty cell. Where the input is a picture, a filter is shown as a picture, too.
"""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QScrollArea, QSizePolicy, QToolTip, QWidget

from models.domain.subnetwork import FilterPicture
from widgets.parts import column, label, row
from widgets.subnetwork_tiles import BLOCK_GAP_PX, blend, signed, strongest, tiles_of
from widgets.theme import Theme, current, small_font

_TILE_GAP_PX = 6
_MOST_CELL_PX = 30


class FilterView(QWidget):
    """Tiles of all filters beside the chosen one, or beside the share of weights in use over all of them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title, self._note = label("", "muted"), label("", "hint", wrap=True)
        self.large, self.wall = LargeFilter(), FilterWall()
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self.wall)
        layout = column(self, margin_px=0, spacing_px=4)
        layout.addWidget(self._title)
        both = row(self.large, scroll, spacing_px=14)
        both.setStretch(0, 5)
        both.setStretch(1, 4)
        layout.addLayout(both, 1)
        layout.addWidget(self._note)
        self.wall.chosen.connect(self._choose)
        self._picture: FilterPicture | None = None

    def set_picture(self, picture: FilterPicture | None, hint: str = "") -> None:
        """hint: why there is none."""
        same = picture is not None and self._picture is not None and picture.layer == self._picture.layer
        chosen = self.wall.filter if same and picture is not None else -1
        self._picture = picture
        self.wall.set_picture(picture)
        self.large.setVisible(picture is not None)
        self._note.setText(picture.note if picture is not None else hint)
        self._choose(chosen if picture is not None and chosen < len(picture.weights) else -1)

    def _choose(self, filter_: int) -> None:
        picture = self._picture
        self.wall.set_filter(filter_)
        self.large.set_picture(picture, filter_)
        if picture is None:
            self._title.setText("")
        elif filter_ < 0:
            count = len(picture.weights)
            self._title.setText(f"{picture.layer}: share in use over {count} filters. Click one to see it.")
        else:
            kept = picture.kept[filter_].mean()
            self._title.setText(f"{picture.layer}: filter {filter_ + 1}, {kept:.0%} of its weights in use")


class LargeFilter(QWidget):
    """One filter with the names of its rows and columns."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture: FilterPicture | None = None
        self._filter = -1
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(180, 120)
        self.setFont(small_font(self.font()))

    def set_picture(self, picture: FilterPicture | None, filter_: int) -> None:
        """filter_: −1 shows how often each weight is in use over all filters."""
        self._picture, self._filter = picture, filter_
        self.update()

    def cell_box(self, row_: int, column_: int) -> QRectF:
        """Where a cell is drawn."""
        left, top, cell_w, cell_h = self._geometry()
        gap = BLOCK_GAP_PX * 2 * self._block_of(column_)
        return QRectF(left + column_ * cell_w + gap, top + row_ * cell_h, cell_w, cell_h)

    def _block_of(self, column_: int) -> int:
        assert self._picture is not None
        ends = np.cumsum([width for _, width in self._picture.blocks])
        return int(np.searchsorted(ends, column_, side="right"))

    def _geometry(self) -> tuple[float, float, float, float]:
        """Left and top of the cells, their width and height."""
        assert self._picture is not None
        rows, columns = self._picture.cells.shape
        metrics = self.fontMetrics()
        left = max(metrics.horizontalAdvance(name) for name in self._picture.rows) + 8
        top = self._header_px() + 2
        gaps = BLOCK_GAP_PX * 2 * (len(self._picture.blocks) - 1)
        width = min((self.width() - left - gaps - 1) / columns, _MOST_CELL_PX)
        height = min((self.height() - top - 1) / rows, _MOST_CELL_PX)
        return float(left), float(top), max(width, 3.0), max(height, 3.0)

    def _upright(self) -> bool:
        """Whether the names of columns are too long to lie above them."""
        assert self._picture is not None
        return max(len(name) for name in self._picture.columns) > 3

    def _header_px(self) -> int:
        assert self._picture is not None
        metrics = self.fontMetrics()
        if self._picture.colour:
            return metrics.height()
        if self._upright():
            return max(metrics.horizontalAdvance(name) for name in self._picture.columns) + 4
        named = any(name for name, _ in self._picture.blocks)
        return metrics.height() * (2 if named else 1)

    def paintEvent(self, _event: QPaintEvent) -> None:
        picture, theme = self._picture, current()
        if picture is None:
            return
        painter = QPainter(self)
        rows, columns = picture.cells.shape
        self._paint_names(painter, picture, theme)
        share = picture.kept.mean(axis=0)
        most = strongest(picture)
        for r in range(rows):
            for c in range(columns):
                at = int(picture.cells[r, c])
                box = self.cell_box(r, c).adjusted(0.5, 0.5, -0.5, -0.5)
                if at < 0:
                    continue
                if self._filter < 0:
                    painter.fillRect(box, blend(theme.background, theme.accent, float(share[at])))
                elif picture.kept[self._filter, at]:
                    value = float(np.clip(picture.weights[self._filter, at] / most, -1, 1))
                    painter.fillRect(box, signed(theme, value))
                else:
                    painter.fillRect(box, theme.background)
                    painter.setPen(Qt.PenStyle.NoPen)
                    painter.setBrush(theme.border)
                    painter.drawEllipse(box.center(), 1.5, 1.5)
        painter.end()

    def _paint_names(self, painter: QPainter, picture: FilterPicture, theme: Theme) -> None:
        painter.setFont(self.font())
        metrics = self.fontMetrics()
        left, top, _, height = self._geometry()
        every = max(1, int(np.ceil((metrics.height() - 3) / height)))
        for r, name in enumerate(picture.rows):
            if r % every == 0:
                box = QRectF(0, top + r * height, left - 8, height)
                painter.setPen(theme.text)
                flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                painter.drawText(box.adjusted(0, -4, 0, 4), flags, name)
        start = 0
        if not self._upright() or picture.colour:
            for name, width in picture.blocks:
                box = self.cell_box(0, start).united(self.cell_box(0, start + width - 1))
                painter.setPen(theme.text)
                above = QRectF(box.left() - 20, 0, box.width() + 40, metrics.height())
                painter.drawText(above, Qt.AlignmentFlag.AlignHCenter, name)
                start += width
        if picture.colour:
            return
        for c, name in enumerate(picture.columns):
            box = self.cell_box(0, c)
            painter.setPen(theme.muted)
            if self._upright():
                painter.save()
                painter.translate(QPointF(box.center().x() + metrics.ascent() / 2 - 1, top - 4))
                painter.rotate(-90)
                painter.drawText(QPointF(0, 0), name)
                painter.restore()
            else:
                above = QRectF(
                    box.left() - 10, top - metrics.height() - 1, box.width() + 20, metrics.height()
                )
                painter.drawText(above, Qt.AlignmentFlag.AlignHCenter, name)

    def text_at(self, at: QPoint) -> str:
        """What the tool tip says of a point."""
        picture = self._picture
        if picture is None:
            return ""
        rows, columns = picture.cells.shape
        for r in range(rows):
            for c in range(columns):
                if picture.cells[r, c] >= 0 and self.cell_box(r, c).contains(QPointF(at)):
                    if self._filter >= 0:
                        return picture.text(self._filter, r, c)
                    named = picture.text(0, r, c).split("\n")[0]
                    share = float(picture.kept[:, picture.cells[r, c]].mean())
                    return f"{named}\nin use in {share:.0%} of the filters"
        return ""

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.text_at(event.pos()), self)
            return True
        return super().event(event)


class FilterWall(QWidget):
    """Tiles of all filters. chosen(filter): one was clicked; −1: the chosen one was clicked again."""

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture: FilterPicture | None = None
        self._tiles: list[QImage] = []
        self._filter = -1
        self.setAccessibleName("Filters of the first layer")

    @property
    def filter(self) -> int:
        return self._filter

    def set_picture(self, picture: FilterPicture | None) -> None:
        self._picture = picture
        self._draw()

    def set_filter(self, filter_: int) -> None:
        self._filter = filter_
        self.update()

    def _draw(self) -> None:
        self._tiles = [] if self._picture is None else tiles_of(self._picture, current())
        self.updateGeometry()
        self._fit()
        self.update()

    def _size(self) -> QSize:
        return self._tiles[0].size() if self._tiles else QSize(1, 1)

    def _columns(self) -> int:
        return max(1, (self.width() - 2) // (self._size().width() + _TILE_GAP_PX))

    def _fit(self) -> None:
        rows = -(-len(self._tiles) // self._columns())
        self.setMinimumHeight(rows * (self._size().height() + _TILE_GAP_PX) + 4)

    def resizeEvent(self, _event: object) -> None:
        self._fit()

    def sizeHint(self) -> QSize:
        return QSize(260, 160)

    def tile_box(self, filter_: int) -> QRect:
        """Where a tile stands."""
        size, columns = self._size(), self._columns()
        x = 2 + filter_ % columns * (size.width() + _TILE_GAP_PX)
        return QRect(QPoint(x, 2 + filter_ // columns * (size.height() + _TILE_GAP_PX)), size)

    def filter_at(self, at: QPoint) -> int:
        """The filter under a point; −1 for none."""
        for filter_ in range(len(self._tiles)):
            if self.tile_box(filter_).contains(at):
                return filter_
        return -1

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        for filter_, tile in enumerate(self._tiles):
            box = self.tile_box(filter_)
            if box.intersects(event.rect()):
                painter.drawImage(box.topLeft(), tile)
                if filter_ == self._filter:
                    painter.setPen(QPen(current().text, 1.5))
                    painter.drawRect(box.adjusted(-2, -2, 1, 1))
        painter.end()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self._picture is not None:
            self._draw()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        found = self.filter_at(event.position().toPoint())
        if found >= 0:
            self.chosen.emit(-1 if found == self._filter else found)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            found = self.filter_at(event.pos())
            text = ""
            if found >= 0 and self._picture is not None:
                kept = self._picture.kept[found]
                text = f"Filter {found + 1}: {int(kept.sum())} of {kept.size} weights in use"
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)
