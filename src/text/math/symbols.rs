//! What TeX's names stand for, and which letters Unicode has raised, lowered, doubled or bold.

use super::layout::Class;

/// The symbol of a command, and how it stands among its neighbours.
pub(super) fn symbol(name: &str) -> Option<(&'static str, Class)> {
    let find = |table: &[(&str, &'static str)]| table.iter().find(|(known, _)| *known == name).map(|(_, sign)| *sign);
    find(LETTERS)
        .map(|sign| (sign, Class::Ord))
        .or_else(|| find(RELATIONS).map(|sign| (sign, Class::Rel)))
        .or_else(|| find(BINARY).map(|sign| (sign, Class::Bin)))
        .or_else(|| find(LARGE).map(|sign| (sign, Class::Large)))
        .or_else(|| find(OPENING).map(|sign| (sign, Class::Open)))
        .or_else(|| find(CLOSING).map(|sign| (sign, Class::Close)))
        .or_else(|| find(SPACES).map(|sign| (sign, Class::Space)))
}

/// Names that are set as words.
pub(super) fn is_function(name: &str) -> bool {
    #[rustfmt::skip]
    const NAMES: &[&str] = &[
        "arccos", "arcsin", "arctan", "arg", "cos", "cosh", "cot", "coth", "csc", "deg", "det", "dim", "exp", "gcd", "hom", "inf", "ker", "lg", "lim",
        "liminf", "limsup", "ln", "log", "max", "min", "mod", "Pr", "sec", "sin", "sinh", "sup", "tan", "tanh",
    ];
    NAMES.contains(&name)
}

/// Commands that only say how big or where something is to be drawn.
pub(super) fn is_ignored(name: &str) -> bool {
    #[rustfmt::skip]
    const NAMES: &[&str] = &[
        "displaystyle", "textstyle", "scriptstyle", "scriptscriptstyle", "limits", "nolimits", "nonumber", "notag", "big", "Big", "bigg", "Bigg",
        "bigl", "Bigl", "biggl", "Biggl", "bigr", "Bigr", "biggr", "Biggr", "bigm", "Bigm", "middle", "!", "/", "hfill", "hline", "centering", "rm",
        "bf", "it", "cal", "left.", "strut", "mathstrut", "allowbreak",
    ];
    NAMES.contains(&name)
}

/// The character that puts an accent on the one before it.
pub(super) fn accent(name: &str) -> Option<char> {
    Some(match name {
        "hat" | "widehat" => '\u{302}',
        "tilde" | "widetilde" => '\u{303}',
        "bar" | "overline" => '\u{304}',
        "underline" | "underbar" => '\u{332}',
        "dot" => '\u{307}',
        "ddot" => '\u{308}',
        "vec" | "overrightarrow" => '\u{20d7}',
        "check" => '\u{30c}',
        "breve" => '\u{306}',
        "acute" => '\u{301}',
        "grave" => '\u{300}',
        "mathring" => '\u{30a}',
        _ => return None,
    })
}

/// Letters in another hand: `mathbb`, `mathbf`, `mathcal`, `mathfrak`. `None` for commands that are none of these.
pub(super) fn alphabet(name: &str) -> Option<fn(char) -> char> {
    Some(match name {
        "mathbb" | "Bbb" => doubled,
        "mathbf" | "boldsymbol" | "bm" | "mathbfit" => bold,
        "mathcal" | "mathscr" => script,
        "mathfrak" | "frak" => fraktur,
        _ => return None,
    })
}

fn shifted(c: char, upper: u32, lower: u32, digit: Option<u32>) -> char {
    let (base, first) = match (c, digit) {
        ('A'..='Z', _) => (upper, 'A'),
        ('a'..='z', _) => (lower, 'a'),
        ('0'..='9', Some(digit)) => (digit, '0'),
        _ => return c,
    };
    char::from_u32(base + u32::from(c) - u32::from(first)).unwrap_or(c)
}

fn doubled(c: char) -> char {
    match c {
        'C' => 'ℂ',
        'H' => 'ℍ',
        'N' => 'ℕ',
        'P' => 'ℙ',
        'Q' => 'ℚ',
        'R' => 'ℝ',
        'Z' => 'ℤ',
        c => shifted(c, 0x1d538, 0x1d552, Some(0x1d7d8)),
    }
}

fn bold(c: char) -> char {
    match c {
        'Α'..='Ω' => char::from_u32(0x1d6a8 + u32::from(c) - u32::from('Α')).unwrap_or(c),
        'α'..='ω' => char::from_u32(0x1d6c2 + u32::from(c) - u32::from('α')).unwrap_or(c),
        c => shifted(c, 0x1d400, 0x1d41a, Some(0x1d7ce)),
    }
}

fn script(c: char) -> char {
    match c {
        'B' => 'ℬ',
        'E' => 'ℰ',
        'F' => 'ℱ',
        'H' => 'ℋ',
        'I' => 'ℐ',
        'L' => 'ℒ',
        'M' => 'ℳ',
        'R' => 'ℛ',
        'e' => 'ℯ',
        'g' => 'ℊ',
        'o' => 'ℴ',
        c => shifted(c, 0x1d49c, 0x1d4b6, None),
    }
}

fn fraktur(c: char) -> char {
    match c {
        'C' => 'ℭ',
        'H' => 'ℌ',
        'I' => 'ℑ',
        'R' => 'ℜ',
        'Z' => 'ℨ',
        c => shifted(c, 0x1d504, 0x1d51e, None),
    }
}

fn mapped(text: &str, from: &str, to: &str) -> Option<String> {
    text.chars().map(|c| from.chars().position(|known| known == c).and_then(|at| to.chars().nth(at))).collect()
}

/// The text raised, if Unicode has all of it.
pub(super) fn raised(text: &str) -> Option<String> {
    const FROM: &str = "0123456789+−-=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVWαβγδεθιφχ∘′″‴∗*†⊤";
    const TO: &str = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂᵅᵝᵞᵟᵋᶿᶥᵠᵡ°′″‴**†ᵀ";
    mapped(text, FROM, TO)
}

/// The text lowered, if Unicode has all of it.
pub(super) fn lowered(text: &str) -> Option<String> {
    const FROM: &str = "0123456789+−-=()aehijklmnoprstuvxβγρφχ";
    const TO: &str = "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ";
    mapped(text, FROM, TO)
}

/// A fraction that is a character of its own.
pub(super) fn vulgar(above: &str, below: &str) -> Option<&'static str> {
    Some(match (above, below) {
        ("1", "2") => "½",
        ("1", "3") => "⅓",
        ("2", "3") => "⅔",
        ("1", "4") => "¼",
        ("3", "4") => "¾",
        ("1", "5") => "⅕",
        ("1", "6") => "⅙",
        ("1", "8") => "⅛",
        _ => return None,
    })
}

/// A relation that is denied, where it has a character of its own.
pub(super) fn negated(sign: &str) -> Option<&'static str> {
    Some(match sign {
        "=" => "≠",
        "∈" => "∉",
        "∃" => "∄",
        "⊂" => "⊄",
        "⊆" => "⊈",
        "≡" => "≢",
        "∼" => "≁",
        "≈" => "≉",
        "<" => "≮",
        ">" => "≯",
        "≤" => "≰",
        "≥" => "≱",
        "∣" => "∤",
        "∥" => "∦",
        _ => return None,
    })
}

#[rustfmt::skip]
const LETTERS: &[(&str, &str)] = &[
    ("alpha", "α"), ("beta", "β"), ("gamma", "γ"), ("delta", "δ"), ("epsilon", "ε"), ("varepsilon", "ε"), ("zeta", "ζ"), ("eta", "η"), ("theta", "θ"),
    ("vartheta", "ϑ"), ("iota", "ι"), ("kappa", "κ"), ("lambda", "λ"), ("mu", "μ"), ("nu", "ν"), ("xi", "ξ"), ("omicron", "ο"), ("pi", "π"),
    ("varpi", "ϖ"), ("rho", "ρ"), ("varrho", "ϱ"), ("sigma", "σ"), ("varsigma", "ς"), ("tau", "τ"), ("upsilon", "υ"), ("phi", "φ"), ("varphi", "φ"),
    ("chi", "χ"), ("psi", "ψ"), ("omega", "ω"), ("Gamma", "Γ"), ("Delta", "Δ"), ("Theta", "Θ"), ("Lambda", "Λ"), ("Xi", "Ξ"), ("Pi", "Π"),
    ("Sigma", "Σ"), ("Upsilon", "Υ"), ("Phi", "Φ"), ("Psi", "Ψ"), ("Omega", "Ω"), ("infty", "∞"), ("partial", "∂"), ("nabla", "∇"), ("ell", "ℓ"),
    ("hbar", "ℏ"), ("imath", "ı"), ("jmath", "ȷ"), ("Re", "ℜ"), ("Im", "ℑ"), ("aleph", "ℵ"), ("beth", "ℶ"), ("wp", "℘"), ("emptyset", "∅"),
    ("varnothing", "∅"), ("forall", "∀"), ("exists", "∃"), ("nexists", "∄"), ("neg", "¬"), ("lnot", "¬"), ("top", "⊤"), ("bot", "⊥"), ("angle", "∠"),
    ("triangle", "△"), ("square", "□"), ("Box", "□"), ("blacksquare", "■"), ("qed", "∎"), ("prime", "′"), ("degree", "°"), ("circ", "∘"),
    ("ldots", "…"), ("dots", "…"), ("dotsc", "…"), ("dotsb", "⋯"), ("cdots", "⋯"), ("vdots", "⋮"), ("ddots", "⋱"), ("checkmark", "✓"), ("star", "⋆"),
    ("dagger", "†"), ("ddagger", "‡"), ("S", "§"), ("P", "¶"), ("pounds", "£"), ("euro", "€"), ("cent", "¢"), ("$", "$"), ("%", "%"), ("#", "#"),
    ("&", "&"), ("_", "_"), ("backslash", "\\"), ("|", "‖"), ("Vert", "‖"), ("vert", "|"), ("sharp", "♯"), ("flat", "♭"), ("natural", "♮"),
    ("therefore", "∴"), ("because", "∵"), ("surd", "√"), ("AA", "Å"), ("mho", "℧"), ("eth", "ð"), ("clubsuit", "♣"), ("diamondsuit", "♢"),
    ("heartsuit", "♡"), ("spadesuit", "♠"), ("colon", ":"), ("textendash", "–"), ("textbackslash", "\\"), ("textdegree", "°"), ("LaTeX", "LaTeX"),
    ("TeX", "TeX"), ("lbrack", "["), ("rbrack", "]"), ("slash", "/"), ("bigstar", "★"), ("lozenge", "◊"), ("complement", "∁"),
];

#[rustfmt::skip]
const RELATIONS: &[(&str, &str)] = &[
    ("leq", "≤"), ("le", "≤"), ("leqslant", "≤"), ("geq", "≥"), ("ge", "≥"), ("geqslant", "≥"), ("neq", "≠"), ("ne", "≠"), ("lt", "<"), ("gt", ">"),
    ("ll", "≪"), ("gg", "≫"), ("approx", "≈"), ("approxeq", "≊"), ("equiv", "≡"), ("cong", "≅"), ("simeq", "≃"), ("sim", "∼"), ("propto", "∝"),
    ("doteq", "≐"), ("triangleq", "≜"), ("coloneqq", "≔"), ("asymp", "≍"), ("in", "∈"), ("notin", "∉"), ("ni", "∋"), ("subset", "⊂"),
    ("subseteq", "⊆"), ("subsetneq", "⊊"), ("supset", "⊃"), ("supseteq", "⊇"), ("supsetneq", "⊋"), ("prec", "≺"), ("preceq", "⪯"), ("succ", "≻"),
    ("succeq", "⪰"), ("mid", "∣"), ("nmid", "∤"), ("parallel", "∥"), ("perp", "⊥"), ("models", "⊨"), ("vdash", "⊢"), ("dashv", "⊣"), ("vDash", "⊨"),
    ("to", "→"), ("rightarrow", "→"), ("longrightarrow", "⟶"), ("leftarrow", "←"), ("gets", "←"), ("longleftarrow", "⟵"), ("leftrightarrow", "↔"),
    ("longleftrightarrow", "⟷"), ("Rightarrow", "⇒"), ("Longrightarrow", "⟹"), ("implies", "⟹"), ("Leftarrow", "⇐"), ("impliedby", "⟸"),
    ("Leftrightarrow", "⇔"), ("Longleftrightarrow", "⟺"), ("iff", "⟺"), ("mapsto", "↦"), ("longmapsto", "⟼"), ("hookrightarrow", "↪"),
    ("hookleftarrow", "↩"), ("uparrow", "↑"), ("downarrow", "↓"), ("updownarrow", "↕"), ("Uparrow", "⇑"), ("Downarrow", "⇓"), ("nearrow", "↗"),
    ("searrow", "↘"), ("swarrow", "↙"), ("nwarrow", "↖"), ("rightharpoonup", "⇀"), ("leftharpoonup", "↼"), ("rightleftharpoons", "⇌"),
    ("leadsto", "⇝"), ("rightsquigarrow", "⇝"), ("twoheadrightarrow", "↠"), ("lesssim", "≲"), ("gtrsim", "≳"), ("sqsubseteq", "⊑"), ("bowtie", "⋈"),
    ("trianglelefteq", "⊴"), ("triangleleft", "◁"), ("triangleright", "▷"),
];

#[rustfmt::skip]
const BINARY: &[(&str, &str)] = &[
    ("pm", "±"), ("mp", "∓"), ("times", "×"), ("div", "÷"), ("cdot", "·"), ("ast", "∗"), ("bullet", "•"), ("oplus", "⊕"), ("ominus", "⊖"),
    ("otimes", "⊗"), ("oslash", "⊘"), ("odot", "⊙"), ("cup", "∪"), ("cap", "∩"), ("sqcup", "⊔"), ("sqcap", "⊓"), ("uplus", "⊎"), ("setminus", "∖"),
    ("smallsetminus", "∖"), ("wedge", "∧"), ("land", "∧"), ("vee", "∨"), ("lor", "∨"), ("veebar", "⊻"), ("amalg", "⨿"), ("diamond", "⋄"),
    ("wr", "≀"), ("ltimes", "⋉"), ("rtimes", "⋊"), ("boxplus", "⊞"), ("boxtimes", "⊠"), ("dotplus", "∔"), ("barwedge", "⊼"),
];

#[rustfmt::skip]
const LARGE: &[(&str, &str)] = &[
    ("sum", "∑"), ("prod", "∏"), ("coprod", "∐"), ("int", "∫"), ("iint", "∬"), ("iiint", "∭"), ("oint", "∮"), ("oiint", "∯"), ("bigcup", "⋃"),
    ("bigcap", "⋂"), ("bigvee", "⋁"), ("bigwedge", "⋀"), ("bigoplus", "⨁"), ("bigotimes", "⨂"), ("bigodot", "⨀"), ("biguplus", "⨄"), ("bigsqcup", "⨆"),
];

const OPENING: &[(&str, &str)] =
    &[("{", "{"), ("lbrace", "{"), ("langle", "⟨"), ("lfloor", "⌊"), ("lceil", "⌈"), ("lvert", "|"), ("lVert", "‖")];

const CLOSING: &[(&str, &str)] =
    &[("}", "}"), ("rbrace", "}"), ("rangle", "⟩"), ("rfloor", "⌋"), ("rceil", "⌉"), ("rvert", "|"), ("rVert", "‖")];

const SPACES: &[(&str, &str)] = &[
    (",", " "),
    (":", " "),
    (";", " "),
    (" ", " "),
    ("quad", "  "),
    ("qquad", "    "),
    ("enspace", " "),
    ("thinspace", " "),
    ("medspace", " "),
    ("thickspace", " "),
    ("space", " "),
    ("newline", " "),
];
