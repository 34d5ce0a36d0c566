fn set(tex: &str) -> String {
    super::inline(tex).unwrap_or_else(|| format!("source: {tex}"))
}

fn rows(tex: &str) -> Vec<String> {
    super::rows(tex).expect("it can be read")
}

#[test]
fn letters_signs_and_scripts_become_characters() {
    let cases = [
        (r"E=mc^2", "E = mc²"),
        (r"a^2 + b^2 = c^2", "a² + b² = c²"),
        (r"x_{i+1} = x_i - \eta \nabla f(x_i)", "xᵢ₊₁ = xᵢ − η∇f(xᵢ)"),
        (r"\alpha \leq \beta \neq \Gamma", "α ≤ β ≠ Γ"),
        (r"x \in \mathbb{R}^n", "x ∈ ℝⁿ"),
        (r"\forall \epsilon > 0 \; \exists \delta", "∀ε > 0 ∃δ"),
        (r"-x", "−x"),
        (r"(-1)^{n+1}", "(−1)ⁿ⁺¹"),
        (r"a \times -b", "a × −b"),
        (r"e^{i\pi} + 1 = 0", "e^(iπ) + 1 = 0"),
        (r"A^T A", "AᵀA"),
        (r"90^\circ", "90°"),
        (r"f'(x) = f''(0)", "f′(x) = f″(0)"),
        (r"\sin^2\theta + \cos^2 \theta = 1", "sin² θ + cos² θ = 1"),
        (r"\log n", "log n"),
        (r"O(n \log n)", "O(n log n)"),
        (r"\lim_{x \to 0} \frac{\sin x}{x} = 1", "lim_(x→0) (sin x)/x = 1"),
        (r"\sum_{i=1}^{n} i = \frac{n(n+1)}{2}", "∑ᵢ₌₁ⁿ i = n(n + 1)/2"),
        (r"\int_0^\infty e^{-x^2} dx = \frac{\sqrt{\pi}}{2}", "∫₀^∞ e^(−x²) dx = √π/2"),
        (r"x = \frac{-b \pm \sqrt{b^2 - 4ac}}{2a}", "x = (−b ± √(b² − 4ac))/(2a)"),
        (r"\frac12 mv^2", "½mv²"),
        (r"\sqrt[3]{x} + \sqrt[n]{2}", "∛x + ⁿ√2"),
        (r"\overline{\overline{a}b}", "a\u{304}\u{304}b\u{304}"),
        (r"\hat{y} = \bar{x} + \vec{v}", "y\u{302} = x\u{304} + v\u{20d7}"),
        (r"\text{if } x > 0", "if x > 0"),
        (r"\mathbf{x}^\top \mathcal{L}", "𝐱ᵀℒ"),
        (r"P(A \mid B) = \frac{P(B \mid A) P(A)}{P(B)}", "P(A ∣ B) = P(B ∣ A)P(A)/P(B)"),
        (r"\left( \frac{a}{b} \right)^2", "(a/b)²"),
        (r"\operatorname{softmax}(x)_i", "softmax(x)ᵢ"),
        (r"\binom{n}{k}", "(n choose k)"),
        (r"x_{new} y", "x_new y"),
        (r"\{1, 2, \ldots, n\}", "{1, 2, …, n}"),
        (r"a \not= b, c \not\in D", "a ≠ b, c ∉ D"),
        (r"\ce{2H2 + O2 -> 2H2O}", "2H₂ + O₂ → 2H₂O"),
        (r"5\%", "5%"),
        (r"\unknown{x} + 1", r"\unknown x + 1"),
        (r"a \pmod{n}", "a (mod n)"),
        (r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", "(1 2; 3 4)"),
        ("漢字 = 1", "漢字 = 1"),
    ];
    let wrong: Vec<_> = cases.iter().filter(|(tex, expected)| set(tex) != *expected).collect();
    let found: Vec<_> = wrong.iter().map(|(tex, _)| set(tex)).collect();
    assert!(wrong.is_empty(), "{wrong:#?} are set as {found:#?}");
}

#[test]
fn what_stands_alone_takes_the_rows_it_needs() {
    assert_eq!(rows(r"A = \begin{bmatrix} 1 & 20 \\ 300 & 4 \end{bmatrix} x"), ["A = ⎡ 1   20⎤x", "    ⎣300  4 ⎦"]);
    assert_eq!(
        rows("f(x) = \\begin{cases} x & \\text{if } x > 0 \\\\ 0 & \\text{else} \\\\ y \\end{cases}"),
        ["       ⎧ x  if x > 0", "f(x) = ⎨ 0  else", "       ⎩ y"]
    );
    assert_eq!(
        rows("\\begin{aligned} a &= b + c \\\\ &= d \\\\[4pt] long &= e \\end{aligned}"),
        ["   a = b + c", "     = d", "long = e"]
    );
    assert_eq!(rows("a = b \\\\ c"), ["a = b", "c"]);
}

#[test]
fn what_cannot_be_read_stays_as_it_was_written() {
    for tex in [r"\frac{1}{", "a^", "}", r"\left( x", r"\begin{matrix} a", r"\frac{1}"] {
        assert_eq!(super::rows(tex), None, "{tex}");
    }
    assert_eq!(super::rows(&"{".repeat(5000)), None);
    assert_eq!(super::rows(&"x^".repeat(3000)), None);
    let wide_and_tall = format!("\\begin{{matrix}} {} \\\\ {}\\end{{matrix}}", "x".repeat(3000), "y \\\\ ".repeat(500));
    assert!(super::rows(&wide_and_tall).is_none(), "a megabyte of spaces");
}
