//! What keys do to a text, as tables: `|` is the cursor.

use super::*;

struct Writer {
    vim: Vim,
    area: TextArea,
    passed: Vec<Pressed>,
}

impl Writer {
    /// In normal mode, with the cursor on the character behind `|`.
    fn at(text: &str) -> Self {
        let mut area = TextArea::default();
        area.set_width(80);
        area.set(&text.replace('|', ""));
        area.go(text.find('|').unwrap_or(0));
        Self { vim: Vim { mode: Mode::Normal, ..Vim::default() }, area, passed: Vec::new() }
    }

    /// `<esc>`, `<c-r>` and the like are one key.
    fn press(&mut self, keys: &str) {
        let mut rest = keys;
        while let Some(c) = rest.chars().next() {
            let named = rest.strip_prefix('<').and_then(|rest| rest.split_once('>'));
            let chord = match named {
                Some((name, after)) if !name.is_empty() && !name.contains(' ') => {
                    rest = after;
                    name.replace("c-", "ctrl-").parse().expect("a key")
                }
                _ => {
                    rest = &rest[c.len_utf8()..];
                    KeyChord::plain(Key::Char(c))
                }
            };
            match (self.vim.press(chord, &mut self.area), chord.key) {
                (Pressed::Done, _) => {}
                (Pressed::Pass, Key::Char(c)) if self.vim.mode == Mode::Insert => {
                    self.area.insert(c.encode_utf8(&mut [0; 4]));
                }
                (Pressed::Pass, Key::Backspace) if self.vim.mode == Mode::Insert => {
                    self.area.act(Action::Backspace);
                }
                (other, _) => self.passed.push(other),
            }
        }
    }

    fn text(&self) -> String {
        let mut text = self.area.text().to_owned();
        text.insert(self.area.cursor(), '|');
        text
    }
}

fn table(cases: &[(&str, &str, &str)]) {
    for (before, keys, after) in cases {
        let mut writer = Writer::at(before);
        writer.press(keys);
        assert_eq!(writer.text(), *after, "{before:?} and {keys}");
        assert!(writer.passed.is_empty(), "{before:?} and {keys}: {:?}", writer.passed);
    }
}

#[test]
fn motions() {
    table(&[
        ("|one two", "l", "o|ne two"),
        ("|one two", "99l", "one tw|o"),
        ("one tw|o", "2h", "one |two"),
        ("|one two-three four", "w", "one |two-three four"),
        ("|one two-three four", "3w", "one two-|three four"),
        ("|one two-three four", "2W", "one two-three |four"),
        ("one two-three |four", "b", "one two-|three four"),
        ("one two-three |four", "B", "one |two-three four"),
        ("|one two", "e", "on|e two"),
        ("on|e two", "e", "one tw|o"),
        ("one t|wo", "ge", "on|e two"),
        ("|one\n\ntwo", "w", "one\n|\ntwo"),
        ("|one\n\ntwo", "2w", "one\n\n|two"),
        ("  one |two", "0", "|  one two"),
        ("  one |two", "^", "  |one two"),
        ("|one two\nx", "$", "one tw|o\nx"),
        ("one\ntw|o\nthree", "gg", "|one\ntwo\nthree"),
        ("|one\ntwo\nthree", "G", "one\ntwo\n|three"),
        ("|one\ntwo\nthree", "2G", "one\n|two\nthree"),
        ("|one\ntwo\nthree", "3gg", "one\ntwo\n|three"),
        ("on|e\ntwo", "j", "one\ntw|o"),
        ("one\ntw|o", "k", "on|e\ntwo"),
        ("|a, b, c", "f,", "a|, b, c"),
        ("|a, b, c", "2f,", "a, b|, c"),
        ("|a, b, c", "t,", "|a, b, c"),
        ("|a, b, c", "f,;", "a, b|, c"),
        ("|a, b, c", "f,;,", "a|, b, c"),
        ("|a, b, c", "t,;", "a, |b, c"),
        ("a, b, |c", "F,", "a, b|, c"),
        ("a, b, |c", "T,", "a, b,| c"),
        ("|a b", "fz", "|a b"),
        ("f|(a [b])", "%", "f(a [b]|)"),
        ("f(a [b]|)", "%", "f|(a [b])"),
        ("|one\n\ntwo\n\nx", "}", "one\n|\ntwo\n\nx"),
        ("one\n\ntwo\n\n|x", "{", "one\n\ntwo\n|\nx"),
        ("|漢字 かな", "w", "漢字 |かな"),
    ]);
}

#[test]
fn operators() {
    table(&[
        ("|one two three", "dw", "|two three"),
        ("|one two three", "d2w", "|three"),
        ("|one two three", "2dw", "|three"),
        ("one |two\nthree", "dw", "one| \nthree"),
        ("one t|wo", "db", "one |wo"),
        ("|one two", "de", "| two"),
        ("one |two", "d$", "one| "),
        ("one |two", "D", "one| "),
        ("one |two", "d0", "|two"),
        ("one\nt|wo\nthree", "dd", "one\n|three"),
        ("one\ntwo\nth|ree", "dd", "one\n|two"),
        ("o|ne", "dd", "|"),
        ("|one\ntwo\nthree", "2dd", "|three"),
        ("|one\ntwo\nthree", "dj", "|three"),
        ("one\ntwo\n|three", "dk", "|one"),
        ("|one\ntwo\nthree", "dG", "|"),
        ("one\n|two\nthree", "dgg", "|three"),
        ("|a, b, c", "dt,", "|, b, c"),
        ("|a, b, c", "df,", "| b, c"),
        ("a(b|c)d", "d%", "a|)d"),
        ("|one two", "cwnew<esc>", "ne|w two"),
        ("o|ne two", "cwX<esc>", "o|X two"),
        ("|one two", "ccnew<esc>", "ne|w"),
        ("one |two", "Cnew<esc>", "one ne|w"),
        ("|one two", "Snew<esc>", "ne|w"),
        ("|one two", "sX<esc>", "|Xne two"),
        ("|one two", "3sX<esc>", "|X two"),
        ("one\n|two\nthree", "ccX<esc>", "one\n|X\nthree"),
        ("|one two", "ywP", "one| one two"),
        ("|one two", "yyp", "one two\n|one two"),
        ("|one two", "yyP", "|one two\none two"),
        ("|one two", "Y2p", "one two\none two\n|one two"),
        ("|one two", "xp", "n|oe two"),
        ("|one\ntwo", "ddp", "two\n|one"),
        ("|one two", "gUw", "|ONE two"),
        ("|ONE two", "guu", "|one two"),
        ("|one two", "dz", "|one two"),
        ("|one two", "dy", "|one two"),
    ]);
}

#[test]
fn text_objects() {
    table(&[
        ("one t|wo three", "diw", "one | three"),
        ("one t|wo three", "daw", "one |three"),
        ("one two thr|ee", "daw", "one tw|o"),
        ("one two-t|hree four", "diW", "one | four"),
        ("say \"one t|wo\" now", "di\"", "say \"|\" now"),
        ("say \"one t|wo\" now", "da\"", "say |now"),
        ("|say 'one' now", "ci'x<esc>", "say '|x' now"),
        ("f(a, g(b|, c), d)", "di(", "f(a, g(|), d)"),
        ("f(a, g(b|, c), d)", "da(", "f(a, g|, d)"),
        ("f(a, g(b, c), |d)", "cibx<esc>", "f(|x)"),
        ("{\n  a|\n}", "di{", "{|}"),
        ("x [1|, 2]", "ci]3<esc>", "x [|3]"),
        ("one\ntw|o\n\nthree", "dip", "|\nthree"),
        ("one\ntw|o\n\nthree", "dap", "|three"),
        ("one t|wo", "di(", "one t|wo"),
        ("one t|wo three", "viwd", "one | three"),
        ("one t|wo three", "yiwP", "one tw|otwo three"),
    ]);
}

#[test]
fn small_changes() {
    table(&[
        ("|one", "x", "|ne"),
        ("|one", "2x", "|e"),
        ("|one", "9x", "|"),
        ("on|e", "X", "o|e"),
        ("|one", "rX", "|Xne"),
        ("|one", "2rX", "X|Xe"),
        ("|one", "9rX", "|one"),
        ("|one", "~", "O|ne"),
        ("|one", "3~", "ON|E"),
        ("|one\n  two", "J", "one| two"),
        ("|one\ntwo\nthree", "3J", "one two| three"),
        ("|one", "aX<esc>", "o|Xne"),
        ("|one", "AX<esc>", "one|X"),
        ("on|e", "IX<esc>", "|Xone"),
        ("  on|e", "IX<esc>", "  |Xone"),
        ("|one\ntwo", "oX<esc>", "one\n|X\ntwo"),
        ("one\n|two", "OX<esc>", "one\n|X\ntwo"),
        ("|one", "3ix<esc>", "xx|xone"),
        ("|", "ihello<esc>", "hell|o"),
    ]);
}

#[test]
fn undo_takes_a_whole_insert_back() {
    table(&[
        ("|one two", "cwnew words<esc>u", "|one two"),
        ("|one two", "cwnew words<esc>u<c-r>", "new words| two"),
        ("|one two", "dwdwuu", "|one two"),
        ("|one two", "dwdw2u", "|one two"),
        ("|one", "oa b c<esc>u", "|one"),
        ("|one", "yy3pu", "|one"),
    ]);
}

#[test]
fn the_last_change_is_made_again() {
    table(&[
        ("|one two three", "dw.", "|three"),
        ("|one two three", "cwX<esc>w.", "X |X three"),
        ("|a b c d e", "dw3.", "|e"),
        ("|a b c d e", "2dw1.", "|d e"),
        ("|abc", "x..", "|"),
        ("|one\ntwo", "A;<esc>j.", "one;\ntwo|;"),
        ("|one\ntwo\nthree", "dd.", "|three"),
        ("|one two three", "vld.", "|two three"),
        ("|one two", "cwX<esc>w.u", "X |two"),
        ("|one two", ".", "|one two"),
        ("|one two", "iab<backspace>c<esc>.", "aa|ccone two"),
    ]);
}

#[test]
fn visual_mode() {
    table(&[
        ("|one two", "vld", "|e two"),
        ("|one two", "ved", "| two"),
        ("one |two", "vbd", "|wo"),
        ("|one two", "vwohd", "|wo"),
        ("one\nt|wo\nthree", "Vd", "one\n|three"),
        ("o|ne\ntwo\nthree", "Vjd", "|three"),
        ("|one two", "veyP", "on|eone two"),
        ("|one two", "vecX<esc>", "|X two"),
        ("|one two", "veU", "|ONE two"),
        ("|one two", "verx", "|xxx two"),
        ("|one two", "yiwwviwp", "one on|e"),
        ("|one\ntwo", "VjJ", "one| two"),
        ("|one two", "v<esc>x", "|ne two"),
        ("|one two", "vVd", "|"),
    ]);
    let mut writer = Writer::at("|one two");
    writer.press("ve");
    assert_eq!(writer.area.selected(), Some(0..3));
    writer.press("<esc>");
    assert_eq!(writer.area.selected(), None);
}

#[test]
fn a_chip_is_a_word() {
    let mut writer = Writer::at("|a b");
    writer.area.go(2);
    writer.area.insert_chip(crate::app::text_area::Chip::File("x.rs".into()), 2..2);
    writer.area.go(0);
    writer.press("wx");
    assert_eq!(writer.area.full(), "a b");
    writer.press("P0P");
    assert_eq!(writer.area.full(), "@x.rsa @x.rsb");
}

#[test]
fn what_is_not_vims_goes_on() {
    for (keys, passed) in [
        ("<esc>", &[Pressed::Pass][..]),
        ("d<esc><esc>", &[Pressed::Pass]),
        ("<enter>", &[Pressed::Pass]),
        ("<c-p>", &[Pressed::Pass]),
        ("k", &[Pressed::Act(Action::Up)]),
        ("j", &[Pressed::Act(Action::Down)]),
        (":", &[Pressed::Act(Action::Palette)]),
        ("/", &[Pressed::Find { back: false }]),
        ("?", &[Pressed::Find { back: true }]),
        ("nN", &[Pressed::Act(Action::FindNext), Pressed::Act(Action::FindPrevious)]),
        ("zq", &[]),
    ] {
        let mut writer = Writer::at("|one");
        writer.press(keys);
        assert_eq!((writer.passed.as_slice(), writer.text().as_str()), (passed, "|one"), "{keys}");
    }
}

#[test]
fn registers_keep_what_was_put_away_under_a_letter() {
    table(&[
        ("|one two", "\"aywwx\"aP", "one one| wo"),
        ("|one\ntwo", "\"ayyjyy\"ap", "one\ntwo\n|one"),
        ("|one two", "\"bdiw\"bp", " on|etwo"),
        ("|a b", "\"qyiww\"QyiwO<esc>\"qp", "a|b\na b"),
        ("|one", "\"zp", "|one"),
        ("|one two", "v\"cy$\"cp", "one two|o"),
        ("|one two six", "\"ayiwwyiwwviw\"ap", "one two on|e"),
        ("|one", "\"1dd", "|"),
    ]);
    let mut writer = Writer::at("|one");
    writer.press("\"a");
    assert_eq!(writer.vim.pending(), "\"a");
    writer.press("<esc>p");
    assert_eq!((writer.vim.pending().as_str(), writer.text().as_str()), ("", "|one"));
}

#[test]
fn what_waits_can_be_seen() {
    let mut writer = Writer::at("|one");
    writer.press("2d3");
    assert_eq!(writer.vim.pending(), "2d3");
    writer.press("w");
    assert_eq!(writer.vim.pending(), "");
}
