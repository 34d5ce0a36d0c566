use super::*;
use crate::text::wrap;

fn typed(text: &str) -> TextArea {
    let mut area = TextArea::default();
    for c in text.chars() {
        area.insert(c.encode_utf8(&mut [0; 4]));
    }
    area
}

#[test]
fn undo_goes_by_words_and_redo_comes_back() {
    let mut area = typed("one two");
    assert!(area.act(Action::Undo));
    assert_eq!(area.text(), "one");
    area.act(Action::Undo);
    assert_eq!(area.text(), "");
    area.act(Action::Redo);
    area.act(Action::Redo);
    assert_eq!((area.text(), area.cursor()), ("one two", 7));
}

#[test]
fn clusters_are_one_step() {
    let mut area = TextArea::default();
    area.insert("a👩‍👩‍👧e\u{301}");
    area.act(Action::Left);
    area.act(Action::Left);
    assert_eq!(area.cursor(), 1);
    area.act(Action::Delete);
    assert_eq!(area.text(), "ae\u{301}");
    area.act(Action::TextEnd);
    area.act(Action::Backspace);
    assert_eq!(area.text(), "a");
}

#[test]
fn words_and_kills() {
    let mut area = typed("let x = foo(bar);");
    area.act(Action::WordLeft);
    assert_eq!(&area.text()[area.cursor()..], "bar);");
    area.act(Action::DeleteToEnd);
    area.act(Action::TextStart);
    area.act(Action::Paste);
    assert_eq!(area.text(), "bar);let x = foo(");
    area.act(Action::DeleteWordRight);
    assert_eq!(area.text(), "bar); x = foo(");
}

#[test]
fn up_and_down_keep_the_column_over_short_rows() {
    let mut area = TextArea::default();
    area.set_width(40);
    area.insert("a long first line\nab\nanother long line");
    assert_eq!(area.place(&area.layout(40)), (2, 17));
    assert!(area.act(Action::Up));
    assert_eq!(area.place(&area.layout(40)), (1, 2));
    assert!(area.act(Action::Up));
    assert_eq!(area.place(&area.layout(40)), (0, 17));
    assert!(!area.act(Action::Up));
    assert_eq!(area.cursor(), 17);
}

#[test]
fn a_field_of_one_line_stays_one() {
    let mut area = TextArea::one_line("");
    area.insert("a\nb\r\nc");
    assert_eq!(area.text(), "a b c");
    assert!(!area.act(Action::NewLine));
}

#[test]
fn pasted_escapes_do_not_get_in() {
    let mut area = TextArea::default();
    area.insert("a\x1b[31mb\x07");
    assert_eq!(area.text(), "ab");
}

#[test]
fn rows_are_those_of_the_text_after_every_change() {
    let mut area = TextArea::default();
    let check = |area: &TextArea| assert_eq!(*area.layout(20).rows, wrap::rows(area.text(), 19), "{:?}", area.text());
    check(&area);
    for c in "some words that are longer than a row".chars() {
        area.insert(c.encode_utf8(&mut [0; 4]));
        check(&area);
    }
    for action in [Action::DeleteWordLeft, Action::Undo, Action::Redo, Action::Undo, Action::Undo, Action::Paste] {
        area.act(action);
        check(&area);
    }
    area.set("other\ntext");
    check(&area);
    area.take();
    check(&area);
}

#[test]
fn taking_leaves_nothing_to_undo() {
    let mut area = typed("secret");
    assert_eq!(area.take().full(), "secret");
    area.act(Action::Undo);
    assert_eq!(area.text(), "");
}

fn pasted(text: &str) -> Chip {
    Chip::text(text, true)
}

fn with_chip() -> TextArea {
    let mut area = typed("ab");
    area.act(Action::Left);
    area.insert_chip(pasted("one\ntwo\nthree"), 1..1);
    area
}

fn shown(area: &TextArea, width: u16) -> Vec<Vec<(String, Look)>> {
    let layout = area.layout(width);
    let row =
        |i| area.stretches(&layout, i).into_iter().map(|(text, look)| (text.replace('\u{a0}', " "), look)).collect();
    (0..layout.rows.len()).map(row).collect()
}

#[test]
fn the_cursor_passes_a_chip_as_one_character() {
    let mut area = with_chip();
    assert_eq!(area.full(), "aone\ntwo\nthreeb");
    let plain = |text: &str| (text.to_owned(), Look::Plain);
    let label = ("[Pasted 3 lines, 13 B]".to_owned(), Look::Folded);
    assert_eq!(shown(&area, 60), [vec![plain("a"), label, plain("b")]]);
    assert_eq!(area.place(&area.layout(60)), (0, 23));
    area.act(Action::Left);
    assert_eq!(area.place(&area.layout(60)), (0, 1));
    area.act(Action::Left);
    area.act(Action::Right);
    area.act(Action::Right);
    assert_eq!(area.place(&area.layout(60)), (0, 23));
}

#[test]
fn a_chip_is_deleted_whole_and_comes_back() {
    let mut area = with_chip();
    area.act(Action::Backspace);
    assert_eq!(area.full(), "ab");
    area.act(Action::Undo);
    assert_eq!(area.full(), "aone\ntwo\nthreeb");
    area.act(Action::DeleteWordLeft);
    assert_eq!(area.full(), "ab", "it is a word");
    area.take();
    area.insert("x");
    area.act(Action::Paste);
    assert_eq!(area.full(), "xone\ntwo\nthree", "what was killed is still known");
}

#[test]
fn a_chip_unfolds_from_either_side() {
    for action in [Action::Right, Action::Left] {
        let mut area = with_chip();
        area.act(action);
        let at = area.cursor();
        if action == Action::Right {
            area.act(Action::Left);
        } else {
            assert_eq!(at, 1);
        }
        assert!(area.unfold());
        assert_eq!((area.text(), area.cursor()), ("aone\ntwo\nthreeb", 1));
        area.act(Action::Undo);
        assert!(area.text().contains('\u{fffc}'));
    }
}

#[test]
fn a_chip_alone_unfolds_from_wherever_the_cursor_is() {
    let mut area = with_chip();
    area.act(Action::TextEnd);
    assert!(area.unfold());
    assert_eq!((area.text(), area.cursor()), ("aone\ntwo\nthreeb", 1));
    let mut area = with_chip();
    area.act(Action::TextEnd);
    area.insert_chip(pasted("four\nfive"), area.cursor()..area.cursor());
    area.insert(" and");
    assert!(!area.unfold(), "which of the two?");
}

#[test]
fn up_and_down_find_a_chip() {
    let mut area = TextArea::default();
    area.set_width(40);
    area.insert("some words in a line");
    area.act(Action::NewLine);
    area.insert_chip(pasted("one\ntwo"), area.cursor()..area.cursor());
    area.act(Action::Up);
    area.act(Action::LineStart);
    area.act(Action::WordRight);
    area.act(Action::Down);
    assert_eq!(area.place(&area.layout(40)), (1, 0), "in the middle of it is at it");
}

#[test]
fn what_is_killed_in_a_row_comes_back_as_one() {
    let mut area = typed("one two three");
    area.act(Action::DeleteWordLeft);
    area.act(Action::DeleteWordLeft);
    area.act(Action::Paste);
    assert_eq!(area.text(), "one two three");
    area.act(Action::TextStart);
    area.act(Action::DeleteWordRight);
    area.act(Action::DeleteToEnd);
    area.act(Action::Paste);
    assert_eq!(area.text(), "one two three");
    area.act(Action::DeleteWordLeft);
    area.act(Action::Left);
    area.act(Action::DeleteWordLeft);
    area.act(Action::TextEnd);
    area.act(Action::Paste);
    assert_eq!(area.text(), "one  two", "a step between them ends the row");
}

#[test]
fn characters_change_places() {
    assert!(!TextArea::default().act(Action::Transpose), "there are none");
    let mut area = typed("teh");
    area.act(Action::Transpose);
    assert_eq!((area.text(), area.cursor()), ("the", 3));
    area.act(Action::TextStart);
    area.act(Action::Transpose);
    assert_eq!(area.text(), "the");
    area.act(Action::Right);
    area.act(Action::Transpose);
    assert_eq!((area.text(), area.cursor()), ("hte", 2));
}

#[test]
fn what_comes_after_an_undo_within_a_group_is_undone_without_what_was_before_it() {
    for back_and_forth in [&[Action::Undo][..], &[Action::Undo, Action::Redo]] {
        let mut area = TextArea::default();
        area.insert("one");
        area.begin_group();
        area.insert(" two");
        for action in back_and_forth {
            area.act(*action);
        }
        let before = area.text().to_owned();
        area.insert(" three");
        area.insert(" four");
        area.act(Action::Undo);
        assert_eq!(area.text(), before, "{back_and_forth:?}");
    }
}

#[test]
fn a_group_is_undone_as_one() {
    let mut area = typed("one");
    area.begin_group();
    area.delete(0..3);
    for c in "two words".chars() {
        area.insert(c.encode_utf8(&mut [0; 4]));
    }
    area.end_group();
    area.insert("!");
    area.act(Action::Undo);
    area.act(Action::Undo);
    assert_eq!(area.text(), "one");
    area.act(Action::Redo);
    assert_eq!(area.text(), "two words");
    area.act(Action::Redo);
    assert_eq!(area.text(), "two words!");
}

#[test]
fn what_is_selected_is_seen() {
    let mut area = typed("one two");
    area.go(2);
    area.select(Some(Selection { from: 4, lines: false }));
    assert_eq!(area.selected(), Some(2..5));
    let looks: Vec<_> = shown(&area, 40).remove(0);
    assert_eq!(looks[1], ("e t".into(), Look::Selected));
    area.select(Some(Selection { from: 4, lines: true }));
    assert_eq!(area.selected(), Some(0..7));
}

proptest::proptest! {
    /// Rows that are kept up to date are those of the text as it is.
    #[test]
    fn rows_follow_every_replacement(
        start in "[ab \n漢-]{0,40}",
        steps in proptest::collection::vec((0..60usize, 0..8usize, "[ab \n漢-]{0,9}", proptest::bool::ANY), 1..8),
        width in 2..14u16,
    ) {
        let mut area = TextArea::default();
        area.set(&start);
        let _ = area.layout(width);
        // Several may come before anybody asks.
        for (at, length, with, asked) in steps {
            let count = area.text().chars().count();
            let place = |n: usize| area.text().char_indices().nth(n).map_or(area.text().len(), |(i, _)| i);
            let range = place(at % (count + 1))..place((at % (count + 1) + length).min(count));
            area.replace(range, &with);
            if asked {
                let expected = wrap::rows(area.text(), usize::from(width) - 1);
                proptest::prop_assert_eq!(&*area.layout(width).rows, &expected, "{:?}", area.text());
            }
        }
        let expected = wrap::rows(area.text(), usize::from(width) - 1);
        proptest::prop_assert_eq!(&*area.layout(width).rows, &expected, "{:?}", area.text());
    }
}

#[test]
fn a_key_beside_a_chip_breaks_one_line_anew() {
    let mut area = with_chip();
    area.act(Action::TextEnd);
    area.insert(&"\na line".repeat(1000));
    let rows = |area: &TextArea| area.layout(40).rows.as_ptr();
    let before = rows(&area);
    for c in ["x", "y", "z"] {
        area.insert(c);
        assert_eq!(rows(&area), before, "the rows are still those of before, but for one");
    }
    let fresh = Layout::new(area.text(), area.chips(), 40);
    assert_eq!(area.layout(40), fresh);
}

proptest::proptest! {
    /// The same with chips among them, which come, stay and go.
    #[test]
    fn rows_with_chips_follow_every_replacement(
        start in "[ab \n漢-]{0,30}",
        chips in proptest::collection::vec(0..40usize, 1..4),
        steps in proptest::collection::vec((0..60usize, 0..4usize, "[ab \n漢-]{0,9}", proptest::bool::ANY), 1..8),
        width in 2..40u16,
    ) {
        let mut area = TextArea::default();
        area.set(&start);
        let place = |area: &TextArea, n: usize| {
            let clusters = area.text().graphemes(true).count() + 1;
            area.text().grapheme_indices(true).nth(n % clusters).map_or(area.text().len(), |(i, _)| i)
        };
        for (number, at) in chips.into_iter().enumerate() {
            let at = place(&area, at);
            area.insert_chip(pasted(&format!("a text\n{number}")), at..at);
        }
        let _ = area.layout(width);
        for (at, length, with, asked) in steps {
            let start = place(&area, at);
            let end = area.text()[start..].grapheme_indices(true).nth(length).map_or(area.text().len(), |(i, _)| start + i);
            area.replace(start..end, &with);
            if asked {
                let fresh = Layout::new(area.text(), area.chips(), width);
                proptest::prop_assert_eq!(area.layout(width), fresh, "{:?}", area.text());
            }
        }
        let fresh = Layout::new(area.text(), area.chips(), width);
        proptest::prop_assert_eq!(area.layout(width), fresh, "{:?}", area.text());
    }
}
