use proptest::prelude::*;

use super::*;

fn decode(bytes: &[u8]) -> Vec<TermEvent> {
    let mut decoder = Decoder::new(0x7f);
    let mut events = Vec::new();
    decoder.feed(bytes, &mut events);
    decoder.flush(&mut events);
    events
}

/// `ctrl-alt-shift-KEY`, so that tables can be read.
fn names(events: &[TermEvent]) -> String {
    let name = |event: &TermEvent| match event {
        TermEvent::Key(KeyChord { key, ctrl, alt, shift }) => {
            let mut name = String::new();
            for (on, word) in [(ctrl, "ctrl-"), (alt, "alt-"), (shift, "shift-")] {
                name.push_str(if *on { word } else { "" });
            }
            match key {
                Key::Char(c) => name.push(*c),
                other => return format!("{name}{other:?}"),
            }
            name
        }
        other => format!("{other:?}"),
    };
    events.iter().map(name).collect::<Vec<_>>().join(" ")
}

#[test]
fn keys_are_called_the_same_whatever_says_them() {
    for (bytes, expected) in [
        ("a", "a"),
        ("A", "A"),
        ("ß€😀", "ß € 😀"),
        ("\r", "Enter"),
        ("\n", "ctrl-j"),
        ("\t", "Tab"),
        ("\x7f", "Backspace"),
        ("\x08", "ctrl-h"),
        ("\x00", "ctrl- "),
        ("\x01\x03\x1a", "ctrl-a ctrl-c ctrl-z"),
        ("\x1c\x1d\x1e\x1f", "ctrl-\\ ctrl-] ctrl-^ ctrl-_"),
        ("\x1b", "Esc"),
        ("\x1b\x1b", "Esc Esc"),
        ("\x1b\x1bx", "Esc alt-x"),
        ("\x1bx\x1bX\x1b\x18", "alt-x alt-x ctrl-alt-x"),
        ("\x1b\r\x1b\x7f\x1b\t", "alt-Enter alt-Backspace alt-Tab"),
        ("\x1bé", "alt-é"),
        ("\x1b[", "alt-["),
        ("\x1bO", "alt-o"),
        ("\x1b[A\x1bOA\x1b[1;5A\x1b[1;2A", "Up Up ctrl-Up shift-Up"),
        ("\x1b\x1b[A\x1b[1;3D", "alt-Up alt-Left"),
        ("\x1bOa\x1b[a\x1b[5^", "ctrl-Up shift-Up ctrl-PageUp"),
        ("\x1b[Z\x1b[9;2u", "shift-Tab shift-Tab"),
        ("\x1b[H\x1b[1~\x1b[7~\x1b[F\x1b[4~\x1bOF", "Home Home Home End End End"),
        ("\x1b[2~\x1b[3~\x1b[3;5~\x1b[5~\x1b[6~", "Insert Delete ctrl-Delete PageUp PageDown"),
        ("\x1bOP\x1b[11~\x1b[[A\x1b[P", "F(1) F(1) F(1) F(1)"),
        ("\x1b[15~\x1b[17~\x1b[24~\x1b[1;2R", "F(5) F(6) F(12) shift-F(3)"),
        ("\x1b[13;2u\x1b[27;2;13~\x1b[13;5u", "shift-Enter shift-Enter ctrl-Enter"),
        ("\x1b[97;5u\x1b[65;6u\x1b[97:65;6u", "ctrl-a ctrl-a ctrl-a"),
        ("\x1b[27u\x1b[127;5u\x1b[91;5u", "Esc ctrl-Backspace Esc"),
        ("\x1b[105;5u\x1b[109;5u\x1b[106;5u", "Tab Enter ctrl-j"),
        ("\x1b[49:33;4u\x1b[45:95;6u", "alt-! ctrl-_"),
        ("\x1b[1089::99;5u", "ctrl-c"),
        ("\x1b[97;5:3u\x1b[97;5:2u", "ctrl-a"),
        ("\x1b[57414u\x1b[57400u\x1b[57419u\x1b[57376u", "Enter 1 Up F(13)"),
        ("\x1b[57441;2u\x1b[99;9u", ""),
        ("\x1b[I\x1b[O", "Focus(true) Focus(false)"),
    ] {
        assert_eq!(names(&decode(bytes.as_bytes())), expected, "{bytes:?}");
    }
}

#[test]
fn the_driver_says_what_backspace_sends() {
    let mut events = Vec::new();
    Decoder::new(0x08).feed(b"\x08\x7f", &mut events);
    assert_eq!(names(&events), "Backspace Backspace");
}

#[test]
fn the_wheel_and_the_left_button() {
    assert_eq!(
        decode(b"\x1b[<64;1;1M\x1b[<65;1;1M\x1b[<69;1;1M\x1b[<0;5;9M\x1b[<0;5;9m\x1b[<2;5;9M\x1b[<32;6;9M\x1b[<0;0;1M"),
        [
            TermEvent::Scroll(-WHEEL),
            TermEvent::Scroll(WHEEL),
            TermEvent::Scroll(WHEEL),
            TermEvent::Click { column: 4, row: 8 },
            TermEvent::Release { column: 4, row: 8 },
            TermEvent::Drag { column: 5, row: 8 },
        ]
    );
}

#[test]
fn a_paste_whose_end_is_lost_is_what_has_come_and_keys_are_keys_again() {
    let mut decoder = Decoder::new(0x7f);
    let mut events = Vec::new();
    decoder.feed(b"\x1b[200~text", &mut events);
    assert_eq!((events.len(), decoder.patience()), (0, Some(PASTE_TIME)));
    decoder.flush(&mut events);
    assert_eq!(decoder.patience(), None);
    // The end that comes after all is no key.
    decoder.feed(b"\x1b[201~\x11", &mut events);
    assert_eq!(names(&events), "Paste(\"text\") ctrl-q");
}

#[test]
fn a_paste_without_measure_comes_in_pieces() {
    let mut decoder = Decoder::new(0x7f);
    let mut events = Vec::new();
    decoder.feed(b"\x1b[200~", &mut events);
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..40 {
        decoder.feed(&piece, &mut events);
    }
    decoder.feed(b"\x1b[201~", &mut events);
    let sizes: Vec<usize> =
        events.iter().map(|e| if let TermEvent::Paste(text) = e { text.len() } else { 0 }).collect();
    assert_eq!(sizes.iter().sum::<usize>(), 40 << 20);
    assert!(sizes.len() == 3 && sizes.iter().all(|size| *size <= LARGEST_PASTE + piece.len()), "{sizes:?}");
}

#[test]
fn a_paste_is_one_event_with_plain_line_ends_and_nothing_in_it_is_a_key() {
    assert_eq!(
        names(&decode(b"a\x1b[200~x\r\ny\rz\n\x1b[A\x03\x1b[201~b")),
        "a Paste(\"x\\ny\\nz\\n\\u{1b}[A\\u{3}\") b"
    );
    assert_eq!(decode(b"\x1b[200~\x1b[201~"), [TermEvent::Paste(String::new())]);
}

#[test]
fn noise_is_dropped_and_what_follows_is_read() {
    for noise in [
        &b"\xff"[..],
        b"\xc3",
        b"\x1b[?1;2c",
        b"\x1b[>0;1u",
        b"\x1b[99999999999999u",
        b"\x1b[;;;;u",
        b"\x1b[M!!!",
        b"\x1b[<1;M",
        b"\x1bO!",
        b"\x1b[12",
        b"\xc2\x80",
    ] {
        let mut bytes = noise.to_vec();
        bytes.extend_from_slice(b"\x1b[A");
        assert_eq!(names(&decode(&bytes)), "Up", "{noise:?}");
    }
    let mut endless = b"\x1b[".to_vec();
    endless.extend([b'1'; 1000]);
    endless.extend(b"Au");
    assert!(decode(&endless).len() <= 2);
}

#[test]
fn the_wheel_and_sizes_in_a_row_become_one() {
    let mut events = Vec::new();
    for event in [
        TermEvent::Scroll(3),
        TermEvent::Scroll(3),
        TermEvent::Scroll(-3),
        TermEvent::Resize(1, 1),
        TermEvent::Resize(2, 2),
        TermEvent::Focus(true),
        TermEvent::Resize(3, 3),
    ] {
        push_merged(&mut events, event);
    }
    assert_eq!(
        events,
        [
            TermEvent::Scroll(6),
            TermEvent::Scroll(-3),
            TermEvent::Resize(2, 2),
            TermEvent::Focus(true),
            TermEvent::Resize(3, 3)
        ]
    );
}

fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        &b"\x1b[A"[..],
        b"\x1b[200~",
        b"\x1b[201~",
        b"\x1b",
        b"\x1bO",
        b"\x1b[1089::99;5u",
        b"\x1b[<0;5;9M",
        b"\x1b[M",
        "€".as_bytes(),
        b"\r\n",
        b"x",
    ])
    .prop_map(<[u8]>::to_vec);
    prop::collection::vec(prop_oneof![known, prop::collection::vec(any::<u8>(), 0..6)], 0..20)
        .prop_map(|parts| parts.concat())
}

proptest! {
    /// A link may cut the stream anywhere: the events are the same.
    #[test]
    fn any_cut_gives_the_same_events(bytes in pieces(), cuts in prop::collection::vec(1usize..8, 0..60)) {
        let mut decoder = Decoder::new(0x7f);
        let mut events = Vec::new();
        let mut rest = bytes.as_slice();
        for cut in cuts {
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            decoder.feed(piece, &mut events);
            rest = after;
        }
        decoder.feed(rest, &mut events);
        decoder.flush(&mut events);
        prop_assert_eq!(events, decode(&bytes));
    }
}
