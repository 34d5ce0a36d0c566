//! What is measured, and when it is enough: a first look at the speed decides how much can be had in a minute or two.

use std::time::Duration;

use crate::domain::stats::{GenStats, Usage};
use crate::domain::units::seconds;
use crate::error::{ErrorKind, UserError};

/// What the command line asks for; what it leaves open is chosen here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wish {
    /// Lengths of prompts, in tokens.
    pub prompts: Vec<u32>,
    /// To make behind each prompt.
    pub tokens: Option<u32>,
    /// Of each length.
    pub repeats: Option<u32>,
}

const PROMPTS: [u32; 3] = [64, 256, 1024];
const TOKENS: u32 = 64;
const REPEATS: u32 = 3;
/// Fewer tokens than this say little about a speed.
const FEWEST_TOKENS: u32 = 8;
/// What the runs may take together while nobody has asked for more.
const BUDGET: Duration = Duration::from_secs(75);
/// What a run's answer may take of that.
const ANSWER: Duration = Duration::from_secs(6);

/// What is going to be measured.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    /// Shortest first.
    pub prompts: Vec<u32>,
    pub tokens: u32,
    pub repeats: u32,
    pub left_out: Vec<LeftOut>,
    /// `None`: what was asked for is done, however long it takes.
    budget: Option<Duration>,
}

/// What is not measured, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LeftOut {
    pub prompt: u32,
    /// All of its runs, or only some.
    pub entirely: bool,
    pub why: String,
}

impl Plan {
    /// # Errors
    /// A prompt that was asked for is longer than the context.
    pub fn new(wish: &Wish, context: u32) -> Result<Self, UserError> {
        let chosen = !wish.prompts.is_empty();
        let tokens = wish.tokens.unwrap_or(TOKENS).min(context.saturating_sub(1)).max(1);
        let room = context.saturating_sub(tokens);
        let mut prompts = if chosen { wish.prompts.clone() } else { PROMPTS.to_vec() };
        prompts.sort_unstable();
        prompts.dedup();
        if let Some(longest) = prompts.last().filter(|longest| chosen && **longest > room) {
            let error =
                format!("a prompt of {longest} tokens and {tokens} behind it do not fit a context of {context}");
            return Err(UserError::new(ErrorKind::ContextFull, error)
                .hint("ask for less, or make more room with --context if the model goes further"));
        }
        let too_long = prompts.iter().copied().filter(|prompt| *prompt > room);
        let left_out = too_long
            .map(|prompt| LeftOut {
                prompt,
                entirely: true,
                why: format!("the context of {context} is too short for it"),
            })
            .collect();
        prompts.retain(|prompt| *prompt <= room);
        let free = !chosen && wish.tokens.is_none() && wish.repeats.is_none();
        Ok(Self { prompts, tokens, repeats: wish.repeats.unwrap_or(REPEATS), left_out, budget: free.then_some(BUDGET) })
    }

    /// After the first look: a slow model makes fewer tokens.
    pub fn adapt(&mut self, pace: &Pace) {
        if let (Some(_), Some(rate)) = (self.budget, pace.decode) {
            let in_time = |tokens: &u32| f64::from(*tokens) / rate <= ANSWER.as_secs_f64();
            let fewest = FEWEST_TOKENS.min(self.tokens);
            self.tokens = (fewest..=self.tokens).rev().find(in_time).unwrap_or(fewest);
        }
    }

    /// Whether there is time for one more run with such a prompt. If not, that is noted.
    pub fn affords(&mut self, prompt: u32, made: u32, spent: Duration, pace: &Pace) -> bool {
        let Some(budget) = self.budget else { return true };
        if self.left_out.iter().any(|left| left.prompt == prompt) {
            return false;
        }
        let takes = pace.estimate(prompt, self.tokens);
        if spent + takes <= budget {
            return true;
        }
        let why = if made == 0 {
            format!("it would take about {}; `--prompt {prompt}` measures it", seconds(takes))
        } else {
            format!("measured {} instead of {}: time was up", times(made), times(self.repeats))
        };
        self.left_out.push(LeftOut { prompt, entirely: made == 0, why });
        false
    }
}

/// `once`, `twice`, `3 times`.
pub(super) fn times(n: u32) -> String {
    match n {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        n => format!("{n} times"),
    }
}

/// Speeds as the runs so far have shown them.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Pace {
    /// Of the longest prompt so far, and how long that was.
    prefill: Option<(f64, u32)>,
    decode: Option<f64>,
}

impl Pace {
    pub fn learn(&mut self, usage: &Usage, stats: &GenStats) {
        if let Some(rate) = stats.prefill_rate(usage)
            && self.prefill.is_none_or(|(_, longest)| usage.prompt_tokens >= longest)
        {
            self.prefill = Some((rate, usage.prompt_tokens));
        }
        if let Some(rate) = stats.decode_rate(usage) {
            self.decode = Some(rate);
        }
    }

    /// What a run will take. The longer a prompt, the slower each of its tokens is read: beyond what is known by a quarter
    /// for every doubling.
    fn estimate(&self, prompt: u32, tokens: u32) -> Duration {
        let reading = self.prefill.map_or(0.0, |(rate, known)| {
            let doublings = (f64::from(prompt) / f64::from(known.max(1))).log2().max(0.0);
            f64::from(prompt) / rate * 1.25_f64.powf(doublings)
        });
        let making = self.decode.map_or(0.0, |rate| f64::from(tokens) / rate);
        Duration::try_from_secs_f64(reading + making).unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(prompt: u32, prefill: f64, decode: f64) -> Pace {
        Pace { prefill: Some((prefill, prompt)), decode: Some(decode) }
    }

    fn default_plan() -> Plan {
        Plan::new(&Wish::default(), 4096).expect("fits")
    }

    #[test]
    fn what_is_left_open_is_chosen() {
        let plan = default_plan();
        assert_eq!((plan.prompts, plan.tokens, plan.repeats), (vec![64, 256, 1024], 64, 3));
        let short = Plan::new(&Wish::default(), 512).expect("fits");
        assert_eq!(short.prompts, [64, 256]);
        assert_eq!(short.left_out[0].prompt, 1024);
    }

    #[test]
    fn what_is_asked_for_is_done_or_refused() {
        let wish = Wish { prompts: vec![512, 16, 512], tokens: Some(8), repeats: Some(1) };
        let mut plan = Plan::new(&wish, 4096).expect("fits");
        assert_eq!((plan.prompts.as_slice(), plan.tokens, plan.repeats), (&[16, 512][..], 8, 1));
        let slow = pace(16, 0.01, 0.01);
        plan.adapt(&slow);
        assert_eq!(plan.tokens, 8);
        assert!(plan.affords(512, 0, Duration::from_secs(9999), &slow));
        let error = Plan::new(&wish, 300).expect_err("too long");
        assert_eq!(error.kind, ErrorKind::ContextFull);
        assert!(error.message.contains("512") && error.message.contains("300"), "{error}");
    }

    #[test]
    fn a_fast_model_gets_everything() {
        let (mut plan, pace) = (default_plan(), pace(40, 2000.0, 100.0));
        plan.adapt(&pace);
        assert_eq!(plan.tokens, 64);
        for prompt in [64, 256, 1024] {
            assert!(plan.affords(prompt, 2, Duration::from_secs(20), &pace));
        }
        assert_eq!(plan.left_out, []);
    }

    #[test]
    fn a_slow_model_gets_what_can_be_had() {
        let (mut plan, pace) = (default_plan(), pace(40, 10.0, 4.0));
        plan.adapt(&pace);
        assert_eq!(plan.tokens, 24, "six seconds' worth");
        assert!(plan.affords(64, 0, Duration::from_secs(1), &pace));
        assert!(!plan.affords(1024, 0, Duration::from_secs(1), &pace));
        assert!(!plan.affords(256, 1, Duration::from_secs(70), &pace));
        // Said once.
        assert!(!plan.affords(1024, 0, Duration::from_secs(2), &pace));
        let said: Vec<_> = plan.left_out.iter().map(|left| (left.prompt, left.entirely, left.why.as_str())).collect();
        assert_eq!(said.len(), 2);
        assert!(said[0].0 == 1024 && said[0].1 && said[0].2.contains("--prompt 1024"), "{said:?}");
        assert_eq!(said[1], (256, false, "measured once instead of 3 times: time was up"));
    }

    #[test]
    fn the_slowest_model_makes_the_fewest_tokens() {
        let (mut plan, pace) = (default_plan(), pace(40, 0.1, 0.1));
        plan.adapt(&pace);
        assert_eq!(plan.tokens, FEWEST_TOKENS);
        assert!(!plan.affords(64, 1, Duration::from_secs(700), &pace));
    }

    #[test]
    fn the_pace_is_that_of_the_longest_prompt() {
        let mut pace = Pace::default();
        let usage = |prompt_tokens| Usage { prompt_tokens, cached_tokens: None, completion_tokens: 11 };
        let stats = |seconds| GenStats {
            first_token: Some(Duration::from_secs(seconds)),
            decode: Duration::from_secs(1),
            total: Duration::from_secs(seconds + 1),
        };
        pace.learn(&usage(100), &stats(1));
        pace.learn(&usage(50), &stats(1));
        assert_eq!(pace.estimate(100, 10), Duration::from_secs(2));
        assert!(pace.estimate(200, 0) > Duration::from_secs(2), "longer is slower");
    }
}
