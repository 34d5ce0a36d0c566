//! What suits a machine: the order of the catalog, the offer to take, what is likely to fit. Pure functions of facts.

use hobnob::config::catalog::built_in;
use hobnob::domain::catalog::{Catalog, Standing};
use hobnob::domain::fit::Verdict;
use hobnob::domain::hub::{Gated, Hit, Kind, Offer, Quality};
use hobnob::domain::machine::{Chip, Gpu, GpuKind, Machine};
use hobnob::domain::model::{Format, LoadSettings, ModelFacts, ModelRef, RepoId};
use hobnob::domain::offers::{recommended, straight_to, verdict};
use hobnob::domain::quant::PlainWeights;
use hobnob::error::{ErrorKind, UserError};

const GIB: u64 = 1 << 30;

fn computer(gib: u64) -> Machine {
    Machine { total: gib * GIB, available: gib * GIB, gpu: None, chip: None }
}

fn mac(brand: &str, gib: u64) -> Machine {
    let gpu = Gpu { kind: GpuKind::Metal, budget: gib * GIB / 3 * 2 };
    Machine { gpu: Some(gpu), chip: Chip::parse(brand, None), ..computer(gib) }
}

fn load() -> LoadSettings {
    LoadSettings::default()
}

#[test]
fn the_catalog_begins_with_what_suits_the_machine() {
    let catalog = built_in();
    for (machine, expected, quant) in [
        (computer(1), "smollm2-135m", "Q8_0"),
        (computer(4), "qwen3-0.6b", "Q8_0"),
        (computer(6), "qwen3-1.7b", "Q8_0"),
        (computer(8), "qwen3-4b", "Q4_K_M"),
        // There is room for more, and nobody would wait for it.
        (computer(64), "qwen3-4b", "Q4_K_M"),
        (mac("Apple M4", 16), "qwen3-8b", "4-bit"),
        (mac("Apple M4 Pro", 24), "qwen3-14b", "4-bit"),
        (mac("Apple M4 Max", 64), "qwen3-32b", "4-bit"),
    ] {
        let all = catalog.suited(load(), &machine);
        assert_eq!(all.len(), catalog.entries.len());
        let best = &all[0];
        let found = (best.entry.name.as_str(), best.route.map(|route| route.quant.as_str()));
        assert_eq!(found, (expected, Some(quant)), "{machine:?}");
        let reason = best.recommended.as_deref().expect("a reason");
        assert!(reason.contains("takes about") && !reason.contains("  "), "{reason}");
        assert!(all.iter().skip(1).all(|suited| suited.recommended.is_none()));
        assert!(all[1..].is_sorted_by_key(|suited| suited.standing), "{machine:?}");
        // Without a Mac what is made for Macs comes last.
        let on_macs_only = all.iter().filter(|suited| suited.standing == Standing::NotHere).count();
        assert_eq!(on_macs_only, if machine.gpu.is_none() { 3 } else { 0 });
    }
    // Nothing fits: the smallest misses least, and nothing is recommended.
    let none = Machine { available: GIB / 8, ..computer(1) };
    let all = catalog.suited(load(), &none);
    assert_eq!((all[0].entry.name.as_str(), all[0].recommended.as_deref()), ("smollm2-135m", None));
    assert!(Catalog::default().suited(load(), &computer(8)).is_empty());
}

#[test]
fn a_model_is_judged_with_no_more_context_than_it_is_good_with() {
    let catalog = built_in();
    let entry = catalog.find("llama-3.1-8b").expect("an entry");
    let long = LoadSettings { context: 100_000, ..load() };
    let contexts: Vec<u32> = entry.routes.iter().map(|route| entry.settings(route, long).context).collect();
    assert_eq!(contexts, [8192, 8192, 100_000], "MLX computes it as it was meant");
}

/// Qwen3-8B in a quantisation.
fn offer(quant: &str, bytes: u64, change: impl Fn(&mut ModelFacts)) -> Offer {
    let mut facts = ModelFacts {
        architecture: "qwen3".into(),
        quant: quant.into(),
        parameters: 8_190_735_360,
        bytes,
        held: bytes + 2_000_000_000,
        per_token: bytes,
        context: 40_960,
        layers: 36,
        kv_heads: 8,
        head_size: 128,
        heads: 32,
        width: 4096,
        feed_forward: 12_288,
        vocabulary: 151_936,
        ..ModelFacts::default()
    };
    change(&mut facts);
    Offer {
        model: ModelRef::parse(&format!("org/m:{quant}")).expect("a MODEL"),
        format: facts.format,
        kind: if facts.mlx { Kind::Mlx } else { Kind::Gguf },
        quant: quant.into(),
        quality: Quality::of(quant),
        files: Vec::new(),
        bytes,
        facts: Some(Ok(facts)),
    }
}

fn offers() -> Vec<Offer> {
    let plain = |facts: &mut ModelFacts| {
        facts.format = Format::Safetensors;
        facts.plain =
            Some(PlainWeights { matrices: 7_500_000_000, rest: 690_000_000, row_unit: 256, can_be_kept: true });
    };
    vec![
        offer("BF16", 16_381_470_720, plain),
        offer("Q8_0", 8_709_518_112, |_| {}),
        offer("Q6_K", 6_725_899_520, |_| {}),
        offer("Q4_K_M", 5_027_783_488, |_| {}),
        offer("Q4_K_S", 4_802_012_416, |_| {}),
        offer("4-bit", 4_607_288_640, |facts| {
            facts.mlx = true;
            facts.format = Format::Safetensors;
        }),
        offer("Q3_K_M", 4_124_161_280, |_| {}),
        offer("Q2_K", 3_281_733_120, |_| {}),
    ]
}

fn taken(offers: &[Offer], machine: &Machine) -> Option<String> {
    recommended(offers, load(), machine).map(|(index, _)| offers[index].quant.clone())
}

#[test]
fn the_usual_four_bits_are_taken_where_they_fit() {
    let all = offers();
    assert_eq!(taken(&all, &computer(32)).as_deref(), Some("Q4_K_M"));
    assert_eq!(taken(&all, &computer(12)).as_deref(), Some("Q4_K_M"));
    assert_eq!(taken(&all, &mac("Apple M4", 32)).as_deref(), Some("4-bit"));
    // With less and less room: better than nothing, and never worse than it must be.
    let quantised: Vec<Offer> = offers().into_iter().filter(|offer| offer.quant != "BF16").collect();
    let with = |available| taken(&quantised, &Machine { available, ..computer(64) });
    let mut found: Vec<Option<String>> = (40..120).rev().map(|tenths| with(tenths * 100_000_000)).collect();
    found.dedup();
    let found: Vec<Option<&str>> = found.iter().map(Option::as_deref).collect();
    // What fits well wins over what is tight, and where all is tight the usual one.
    let four = [Some("Q4_K_M"), Some("Q4_K_S"), Some("Q4_K_M"), Some("Q4_K_S")];
    assert_eq!(found, [&four[..], &[Some("Q3_K_M"), Some("Q2_K"), None]].concat());
    assert_eq!(taken(&all, &computer(4)), None);
    let (_, reason) = recommended(&all, load(), &computer(32)).expect("one");
    assert!(reason.contains("the usual balance") && reason.contains("takes about"), "{reason}");

    // What can't be run, or of which nothing is known, is not taken.
    let mut broken = offers();
    for offer in &mut broken {
        offer.facts = match offer.quant.as_str() {
            "Q4_K_M" => Some(Err(UserError::new(ErrorKind::ModelUnsupported, "no"))),
            "Q4_K_S" => None,
            _ => offer.facts.take(),
        };
    }
    assert_eq!(taken(&broken, &computer(32)).as_deref(), Some("Q6_K"));
    // Plain weights are quantised on their way in, and are better than two bits.
    let few: Vec<Offer> = offers().into_iter().filter(|o| ["BF16", "Q2_K"].contains(&o.quant.as_str())).collect();
    assert_eq!(taken(&few, &computer(32)).as_deref(), Some("BF16"));
    assert_eq!(taken(&[], &computer(32)), None);
}

#[test]
fn small_models_are_taken_with_eight_bits() {
    let small = |quant, bytes| offer(quant, bytes, |facts| facts.parameters = 600_000_000);
    let all = [small("F16", 1_200_000_000), small("Q8_0", 640_000_000), small("Q4_K_M", 400_000_000)];
    assert_eq!(taken(&all, &computer(16)).as_deref(), Some("Q8_0"));
}

fn hit(name: &str, parameters: Option<u64>, kind: Kind) -> Hit {
    Hit {
        repo: RepoId::parse(name).expect("a repository"),
        parameters,
        kinds: vec![kind],
        bytes: None,
        downloads: 0,
        likes: 0,
        age: None,
        gated: Gated::No,
        licence: None,
    }
}

#[test]
fn a_hit_is_judged_by_its_size() {
    let judge =
        |billions: u64, kind, gib| verdict(&hit("org/m", Some(billions * 1_000_000_000), kind), load(), &computer(gib));
    assert_eq!(judge(8, Kind::Gguf, 16), Some(Verdict::Fits));
    assert_eq!(judge(8, Kind::Safetensors, 16), Some(Verdict::Fits), "it is quantised on the way");
    assert_eq!(judge(70, Kind::Gguf, 32), Some(Verdict::TooLarge));
    assert_eq!(judge(1, Kind::Gguf, 4), Some(Verdict::Fits));
    assert_eq!(judge(1_000_000, Kind::Gguf, 512), Some(Verdict::TooLarge));
    assert_eq!(verdict(&hit("org/m", None, Kind::Gguf), load(), &computer(8)), None);
    assert_eq!(verdict(&hit("org/m", Some(u64::MAX), Kind::Mlx), load(), &computer(8)), Some(Verdict::TooLarge));
}

#[test]
fn a_repository_goes_straight_to_its_page() {
    let straight = |text: &str| straight_to(text).map(|(repo, revision)| (repo.to_string(), revision));
    let repo = |revision: Option<&str>| Some(("org/repo".to_owned(), revision.map(str::to_owned)));
    for text in ["org/repo", "  org/repo ", "org/repo:Q4_K_M", "https://huggingface.co/org/repo", "hf.co/org/repo"] {
        assert_eq!(straight(text), repo(None), "{text}");
    }
    assert_eq!(straight("https://huggingface.co/org/repo/tree/dev"), repo(Some("dev")));
    assert_eq!(straight("org/repo@v1"), repo(Some("v1")));
    for text in
        ["", "qwen3 4b", "qwen3-4b", "org/", "/models/m.gguf", "./m", "a/b c", "https://huggingface.co/", "starter"]
    {
        assert_eq!(straight(text), None, "{text}");
    }
}
