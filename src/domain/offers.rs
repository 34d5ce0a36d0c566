//! Which of a repository's offers is the one to take on a machine, and why: pure functions of what is known of each.

use std::cmp::Reverse;

use crate::domain::catalog;
use crate::domain::fit::{self, Fit, Verdict};
use crate::domain::hub::{Offer, Quality};
use crate::domain::machine::Machine;
use crate::domain::model::LoadSettings;

/// An offer on a machine.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Judgement {
    /// `None` where too little is known of it, or where it can't be run at all.
    pub fit: Option<Fit>,
    pub verdict: Option<Verdict>,
    /// Tokens per second that are to be expected, where that is known.
    pub speed: Option<f64>,
}

/// All offers of a repository on a machine.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Judged {
    /// One for each, in their order.
    pub each: Vec<Judgement>,
    pub recommended: Option<Recommended>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recommended {
    pub offer: usize,
    pub reason: &'static str,
}

/// Up to here eight bits cost little, and fewer would be heard in the answers: as with weights quantised while they load.
const SMALL: u64 = 2_000_000_000;
/// What most take where there are several of four bits.
const USUAL: &str = "Q4_K_M";

/// Judges all offers, and finds the one to take.
#[must_use]
pub fn judge(offers: &[Offer], load: LoadSettings, machine: &Machine) -> Judged {
    let each: Vec<Judgement> = offers.iter().map(|offer| judgement(offer, load, machine)).collect();
    let can_be = |at: &usize| {
        let verdict = each[*at].verdict;
        offers[*at].quality > Quality::Poor && verdict.is_some_and(|verdict| verdict != Verdict::TooLarge)
    };
    let best = (0..offers.len()).filter(can_be).min_by_key(|at| {
        let (offer, judgement) = (&offers[*at], &each[*at]);
        let facts = offer.facts.as_ref().and_then(|facts| facts.as_ref().ok());
        let hampered = facts.is_some_and(|facts| facts.caution(load.device).is_some());
        let slow = facts.is_some_and(|facts| catalog::is_slow(facts, load, machine));
        let tight = judgement.verdict == Some(Verdict::Tight);
        let size = if offer.quality == Quality::Good { Reverse(offer.bytes) } else { Reverse(u64::MAX - offer.bytes) };
        let unusual = !offer.quant.eq_ignore_ascii_case(USUAL);
        (hampered, offer.quality == Quality::Low, tight, slow, rank(offer), unusual, size)
    });
    let recommended = best.map(|offer| Recommended { offer, reason: reason(&offers[offer], &each[offer]) });
    Judged { each, recommended }
}

fn judgement(offer: &Offer, load: LoadSettings, machine: &Machine) -> Judgement {
    match &offer.facts {
        Some(Ok(facts)) => {
            let fit = fit::judge(facts, load, machine);
            let speed = fit::expected_decode(facts, load, machine);
            Judgement { fit: Some(fit), verdict: Some(fit.verdict), speed }
        }
        Some(Err(_)) => Judgement::default(),
        None => Judgement { verdict: at_a_glance(None, Some(offer.bytes), load, machine), ..Judgement::default() },
    }
}

fn parameters(offer: &Offer) -> u64 {
    match &offer.facts {
        Some(Ok(facts)) => facts.parameters,
        _ => by_bytes(offer),
    }
}

/// About as many as its bytes come to.
fn by_bytes(offer: &Offer) -> u64 {
    let bits = match offer.quality {
        Quality::Poor => 3,
        Quality::Low => 4,
        Quality::Good => 5,
        Quality::High => 6,
        Quality::Full => 8,
    };
    offer.bytes / bits * 8
}

/// How far an offer is from what one would take: eight bits of a small model, four of any other.
fn rank(offer: &Offer) -> u8 {
    let small = parameters(offer) <= SMALL;
    match (offer.quality, small) {
        (Quality::Full, true) | (Quality::Good, false) => 0,
        (Quality::High, _) => 1,
        (Quality::Good, true) | (Quality::Full, false) => 2,
        (Quality::Low | Quality::Poor, _) => 3,
    }
}

fn reason(offer: &Offer, judgement: &Judgement) -> &'static str {
    match (offer.quality, judgement.verdict) {
        (Quality::Low | Quality::Poor, _) => "nothing with more bits fits here",
        (_, Some(Verdict::Tight)) => "nothing here fits better",
        (Quality::Full, _) if parameters(offer) <= SMALL => "as good as the original, and small all the same",
        (Quality::Full, _) => "the best that there is, and it fits",
        (Quality::High, _) => "nearly as good as the original, and it fits",
        (Quality::Good, _) => "the best balance: four bits lose little, and are quick",
    }
}

/// Whether a model of about this size fits in its smallest good quantisation, where no more is known of it than a list tells:
/// `parameters`, or else the `bytes` of its files.
#[must_use]
pub fn at_a_glance(
    parameters: Option<u64>,
    bytes: Option<u64>,
    load: LoadSettings,
    machine: &Machine,
) -> Option<Verdict> {
    /// The program, and a conversation of the usual length with a small model.
    const BESIDE: u64 = 400_000_000;
    let weights = parameters.and_then(|parameters| catalog::about_bytes(parameters, USUAL)).or(bytes)?;
    // Some of the weights are unpacked, and the conversation of a large model takes more.
    let needed = weights / 100 * 125 + BESIDE;
    Some(Verdict::of(needed, machine.budget(load.device)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::hub::Kind;
    use crate::domain::model::{Format, ModelFacts, ModelRef};
    use crate::error::{ErrorKind, UserError};

    const GB: u64 = 1_000_000_000;

    fn offer(quant: &str, bytes: u64, quality: Quality) -> Offer {
        let facts = ModelFacts {
            architecture: "llama".into(),
            quant: quant.into(),
            parameters: 8 * GB,
            bytes,
            held: bytes + GB,
            per_token: bytes,
            context: 32_768,
            layers: 32,
            kv_heads: 8,
            head_size: 128,
            heads: 32,
            width: 4096,
            feed_forward: 14_336,
            vocabulary: 128_256,
            ..ModelFacts::default()
        };
        Offer {
            model: ModelRef::parse(&format!("org/model:{quant}")).expect("a model"),
            format: Format::Gguf,
            kind: Kind::Gguf,
            quant: quant.into(),
            quality,
            files: Vec::new(),
            bytes,
            facts: Some(Ok(facts)),
        }
    }

    fn eight_billion() -> Vec<Offer> {
        vec![
            offer("F16", 16 * GB, Quality::Full),
            offer("Q8_0", 85 * GB / 10, Quality::Full),
            offer("Q6_K", 66 * GB / 10, Quality::High),
            offer("Q4_K_M", 49 * GB / 10, Quality::Good),
            offer("Q4_K_S", 47 * GB / 10, Quality::Good),
            offer("Q3_K_M", 4 * GB, Quality::Low),
            offer("Q2_K", 32 * GB / 10, Quality::Poor),
        ]
    }

    fn machine(gb: u64) -> Machine {
        tenths(10 * gb)
    }

    fn tenths(tenths: u64) -> Machine {
        Machine { total: tenths * GB / 10, available: tenths * GB / 10, gpu: None, chip: None }
    }

    fn taken(offers: &[Offer], gb: u64) -> Option<&str> {
        taken_on(offers, &machine(gb))
    }

    fn taken_on<'a>(offers: &'a [Offer], machine: &Machine) -> Option<&'a str> {
        let judged = judge(offers, LoadSettings::default(), machine);
        assert_eq!(judged.each.len(), offers.len());
        judged.recommended.map(|recommended| offers[recommended.offer].quant.as_str())
    }

    #[test]
    fn four_bits_where_they_fit_fewer_only_where_nothing_else_does() {
        let offers = eight_billion();
        assert_eq!(taken(&offers, 64), Some("Q4_K_M"), "more bits only make it slow");
        assert_eq!(taken(&offers, 12), Some("Q4_K_M"));
        assert_eq!(taken_on(&offers, &tenths(76)), Some("Q3_K_M"));
        assert_eq!(taken(&offers, 4), None, "2 bits are recommended to nobody");
        assert_eq!(taken(&[], 64), None);
    }

    #[test]
    fn a_small_model_is_taken_whole() {
        let mut offers = eight_billion();
        for offer in &mut offers {
            offer.bytes /= 8;
            let facts = offer.facts.as_mut().and_then(|facts| facts.as_mut().ok()).expect("facts");
            *facts = ModelFacts {
                parameters: GB,
                bytes: offer.bytes,
                held: offer.bytes,
                per_token: offer.bytes,
                ..facts.clone()
            };
        }
        assert_eq!(taken(&offers, 16), Some("Q8_0"), "the smaller of those that lose nothing");
    }

    #[test]
    fn what_can_t_be_run_is_not_recommended_and_what_is_not_known_is_judged_by_its_size() {
        let mut offers = eight_billion();
        offers[3].facts = Some(Err(UserError::new(ErrorKind::ModelUnsupported, "no")));
        assert_eq!(taken(&offers, 64), Some("Q4_K_S"));
        offers[4].facts = None;
        assert_eq!(taken(&offers, 64), Some("Q4_K_S"));
        assert_eq!(judge(&offers, LoadSettings::default(), &machine(64)).each[4].fit, None);
    }

    #[test]
    fn a_glance_tells_what_is_far_too_large() {
        let at = |billions: u64, gb| at_a_glance(Some(billions * GB), None, LoadSettings::default(), &machine(gb));
        assert_eq!(
            (at(8, 16), at(70, 16), at(1, 16)),
            (Some(Verdict::Fits), Some(Verdict::TooLarge), Some(Verdict::Fits))
        );
        assert_eq!(at_a_glance(None, None, LoadSettings::default(), &machine(16)), None);
    }
}
