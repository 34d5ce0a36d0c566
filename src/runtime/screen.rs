//! Frames: ratatui draws into a buffer of ours, from which each goes out as one piece.

use std::cell::{Ref, RefCell};
use std::io::{self, Write};
use std::rc::Rc;
use std::time::Instant;

use ratatui::Terminal;
use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Rect, Size};

use crate::app::App;
use crate::runtime::region::Region;
use crate::runtime::{env, terminal};
use crate::ui::{self, inline};

/// The cursor is hidden while the cells change: not every terminal waits for the end of the update.
const FRAME_START: &[u8] = b"\x1b[?2026h\x1b[?25l";
const FRAME_END: &[u8] = b"\x1b[?2026l";

pub(super) struct Screen {
    terminal: Terminal<OneWrite>,
    frame: Frame,
    /// What the terminal shows is not what was drawn last.
    stale: bool,
    /// With `--inline`: where all of it goes that fits there.
    inline: Option<Inline>,
}

#[derive(Default)]
struct Inline {
    region: Region,
    printed: inline::Printed,
}

impl Inline {
    fn new() -> Self {
        let set = |name: &str| terminal::is_set(env, name);
        // Of those that are still met only these two leave the rows as they are when they get narrower.
        let reflows = set("TMUX") || !(set("XTERM_VERSION") || env("TERM").is_some_and(|term| term == "linux"));
        Self { region: Region::new(reflows), printed: inline::Printed::default() }
    }
}

impl Screen {
    pub(super) fn new((columns, rows): (u16, u16), is_inline: bool) -> io::Result<Self> {
        // The theme is fitted to the terminal, NO_COLOR included; crossterm's own reading of it would take bold away too.
        crossterm::style::force_color_output(true);
        let frame = Frame::default();
        let size = Size { width: columns, height: rows };
        let backend = OneWrite { inner: CrosstermBackend::new(frame.clone()), size };
        Ok(Self { terminal: Terminal::new(backend)?, frame, stale: true, inline: is_inline.then(Inline::new) })
    }

    pub(super) fn resize(&mut self, (width, height): (u16, u16)) {
        let size = Size { width, height };
        self.stale |= self.terminal.backend().size != size;
        self.terminal.backend_mut().size = size;
        if let Some(inline) = &mut self.inline {
            inline.region.resize(width);
        }
    }

    pub(super) fn size(&self) -> (u16, u16) {
        let Size { width, height } = self.terminal.backend().size;
        (width, height)
    }

    /// Every cell goes out with the next frame.
    pub(super) fn forget(&mut self) {
        self.stale = true;
    }

    /// Somebody else has the terminal, or has had it.
    pub(super) fn left(&mut self) {
        self.forget();
        if let Some(inline) = &mut self.inline {
            inline.region.forget();
        }
    }

    /// What takes away what is not to stay when somebody else gets the terminal.
    pub(super) fn retreat(&mut self) -> String {
        let Some(inline) = &mut self.inline else { return String::new() };
        let mut out = terminal::show_alternate(false);
        inline.region.clear(&mut out);
        out
    }

    /// The last words: what stays on the terminal when the interface is gone.
    pub(super) fn conclude(&mut self, app: &mut App) -> String {
        let (width, _) = self.size();
        let Some(inline) = &mut self.inline else { return String::new() };
        let mut out = terminal::show_alternate(false);
        let rest = inline.printed.rest(app, width);
        inline.region.end(&mut out, rest.as_ref());
        out
    }

    /// The bytes that make the terminal show what the program has to show now.
    pub(super) fn draw(&mut self, app: &mut App, now: Instant) -> io::Result<Ref<'_, [u8]>> {
        // Not what a frame that failed left.
        self.frame.0.borrow_mut().clear();
        self.frame.write_all(FRAME_START)?;
        if self.inline.is_some() && inline::fits(app) {
            self.draw_inline(app, now)?;
            self.frame.write_all(FRAME_END)?;
            return Ok(Ref::map(self.frame.0.borrow(), Vec::as_slice));
        }
        if self.inline.is_some() {
            let switch = terminal::show_alternate(true);
            self.stale |= !switch.is_empty();
            self.frame.write_all(switch.as_bytes())?;
        }
        if std::mem::take(&mut self.stale) {
            let Size { width, height } = self.terminal.backend().size;
            self.terminal.resize(Rect { x: 0, y: 0, width, height })?;
        }
        self.terminal.draw(|frame| ui::draw(frame, app, now))?;
        // Only now it is known where the reader has gone to.
        if self.inline.is_some() && inline::fits(app) {
            self.draw_inline(app, now)?;
        }
        self.frame.write_all(FRAME_END)?;
        Ok(Ref::map(self.frame.0.borrow(), Vec::as_slice))
    }

    fn draw_inline(&mut self, app: &mut App, now: Instant) -> io::Result<()> {
        let (width, height) = self.size();
        let Some(inline) = &mut self.inline else { return Ok(()) };
        let mut out = terminal::show_alternate(false);
        if std::mem::take(&mut self.stale) && out.is_empty() {
            inline.region.clear(&mut out);
        }
        let above = inline.printed.more(app, width);
        // One row stays for what is above: that it goes on there can be seen.
        let picture = inline.printed.draw(app, now, width, height.saturating_sub(1).max(1));
        inline.region.draw(&mut out, above.as_ref(), picture.buffer, picture.cursor);
        self.frame.write_all(out.as_bytes())
    }
}

/// Takes what is written and ignores that it should be sent: the backend asks for that several times per frame.
#[derive(Clone, Default)]
struct Frame(Rc<RefCell<Vec<u8>>>);

impl Write for Frame {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// ratatui's backend for crossterm, without its questions to the terminal: the size is told to it (it would open the
/// terminal and ask, each frame), and where the cursor is nobody needs to know (asking can wait for two seconds).
struct OneWrite {
    inner: CrosstermBackend<Frame>,
    size: Size,
}

impl Backend for OneWrite {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        self.inner.draw(content)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.inner.hide_cursor()
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.inner.show_cursor()
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(Position::ORIGIN)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.inner.set_cursor_position(position)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.inner.clear()
    }

    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        self.inner.clear_region(clear_type)
    }

    fn size(&self) -> io::Result<Size> {
        Ok(self.size)
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize { columns_rows: self.size, pixels: Size::ZERO })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
