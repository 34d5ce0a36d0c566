//! All about one repository: what can be loaded of it, what that takes, what it is.

use std::time::SystemTime;

use crate::domain::hub::{Hit, Kind, Offer, Quality, RepoFile, RepoPage};
use crate::domain::model::{Format, ModelFacts, RepoId, is_safe_file};
use crate::error::{ErrorKind, UserError};
use crate::hub::Options;
use crate::hub::ask::{MOST_OF_REPO, about, connect};
use crate::hub::cache::Commit;
use crate::hub::http::Hub;
use crate::hub::loose::Loose;
use crate::hub::names::CONFIG;
use crate::hub::offers::offers;
use crate::hub::pull::MAIN;
use crate::hub::search::{hit, made_of, size_of};

/// A model card that is longer is cut.
const MOST_CARD: usize = 256 << 10;
const MOST_CONFIG: usize = 192 << 10;
/// No header of a GGUF file is longer; most have a few megabytes, for their words.
const MOST_HEADER: usize = 32 << 20;
const FIRST_LOOK: usize = 256 << 10;
const CARD: &str = "README.md";

/// Asks for all that there is to know of a repository.
///
/// # Errors
/// Why there is no answer, and what to do. That a part of it is missing is none.
pub async fn page(options: &Options, repo: &RepoId, revision: Option<&str>) -> Result<RepoPage, UserError> {
    let hub = connect(options, &format!("nothing can be told of {repo}"))?;
    let revision = revision.unwrap_or(MAIN);
    if !is_safe_file(revision) {
        return Err(UserError::new(ErrorKind::Usage, format!("`{revision}` is no branch, tag or commit")));
    }
    let document = hub.ask(&about(repo, revision), MOST_OF_REPO, Some(repo)).await?.document;
    let commit = document.get("sha").text().and_then(Commit::parse).ok_or_else(|| hub.no_hub().error)?;
    let hit = hit(&document, SystemTime::now()).ok_or_else(|| hub.no_hub().error)?;
    let files = files(&document);
    // One that has moved goes by its new name from here on.
    let there = Place { hub: &hub, options, repo: &hit.repo, commit: &commit };
    let mut offers = offers(&hit.repo, Some(revision).filter(|revision| *revision != MAIN), &files);
    for offer in offers.iter_mut().filter(|offer| offer.kind == Kind::Safetensors && hit.kinds.contains(&Kind::Mlx)) {
        offer.kind = Kind::Mlx;
    }
    let base = bases(&document, &hit.repo);
    let others = async {
        // A base has what was made of it; what was made has the rest of what its base has.
        made_of(&hub, base.first().unwrap_or(&hit.repo)).await.unwrap_or_else(|error| {
            tracing::debug!(%error, "what else was made of it is not known");
            Vec::new()
        })
    };
    let types = types(&document);
    let (card, mut siblings, ()) =
        tokio::join!(there.card(&files), others, there.foretell(&mut offers, &files, &hit, &types));
    siblings.retain(|other| other.repo != hit.repo);
    offers.sort_by(|a, b| (b.quality, b.bytes).cmp(&(a.quality, a.bytes)).then_with(|| a.quant.cmp(&b.quant)));
    let address = hub.page_of(&hit.repo);
    Ok(RepoPage { address, commit: commit.as_str().to_owned(), offers, base, siblings, card, hit })
}

/// The files of a repository, as far as they could be put into the cache.
fn files(document: &Loose) -> Vec<RepoFile> {
    let file = |row: &Loose| {
        let path = row.get("rfilename").text().filter(|path| is_safe_file(path))?;
        let large = row.get("lfs").get("size").number();
        Some(RepoFile { path: path.to_owned(), bytes: large.or_else(|| row.get("size").number()).unwrap_or(0) })
    };
    document.get("siblings").list().iter().filter_map(file).collect()
}

/// Numbers and bytes of each type in the safetensors files.
fn types(document: &Loose) -> Vec<(String, u64, u64)> {
    let counted = |(name, count): &(String, Loose)| {
        let count = count.number()?;
        Some((name.clone(), count, count.saturating_mul(size_of(name))))
    };
    document.get("safetensors").get("parameters").entries().iter().filter_map(counted).collect()
}

/// What its tags name as what it was made of: `base_model:org/m`, `base_model:quantized:org/m`.
fn bases(document: &Loose, own: &RepoId) -> Vec<RepoId> {
    let mut bases: Vec<RepoId> = Vec::new();
    for tag in document.get("tags").list().iter().filter_map(Loose::text) {
        let base = tag.strip_prefix("base_model:").and_then(|rest| RepoId::parse(rest.rsplit(':').next()?));
        if let Some(base) = base.filter(|base| base != own && !bases.contains(base)) {
            bases.push(base);
        }
    }
    bases
}

/// A repository at a commit.
struct Place<'a> {
    hub: &'a Hub,
    options: &'a Options,
    repo: &'a RepoId,
    commit: &'a Commit,
}

impl Place<'_> {
    /// The model card without its header.
    async fn card(&self, files: &[RepoFile]) -> Option<String> {
        files.iter().find(|file| file.path == CARD)?;
        let bytes = self.hub.beginning(self.repo, self.commit, CARD, MOST_CARD, |_| false).await.ok()?;
        Some(without_header(&String::from_utf8_lossy(&bytes)).trim().to_owned()).filter(|card| !card.is_empty())
    }

    /// Finds out what the offers take: of GGUF files from the header of one, of a folder from its configuration.
    async fn foretell(&self, offers: &mut [Offer], files: &[RepoFile], hit: &Hit, types: &[(String, u64, u64)]) {
        let Some(foretell) = self.options.foretell else { return };
        let called = |offer: &Offer| format!("{}/{}", self.repo, offer.files.first().map_or("", |file| &file.path));
        // Some say by their names that they can't be run.
        for offer in offers.iter_mut().filter(|offer| offer.format == Format::Gguf) {
            let refused = foretell(&called(offer), b"", offer.bytes, &[]).err();
            // That there is nothing in no bytes at all is no objection.
            offer.facts = refused.filter(|error| error.kind == ErrorKind::ModelUnsupported).map(Err);
        }
        let mut unread: Vec<usize> =
            (0..offers.len()).filter(|i| offers[*i].format == Format::Gguf && offers[*i].facts.is_none()).collect();
        // Whole files before sets: the first of a set knows nothing of the others. The usual one before others.
        unread.sort_by_key(|i| {
            let offer = &offers[*i];
            (offer.files.len(), offer.quality != Quality::Good, offer.bytes)
        });
        let mut facts: Option<ModelFacts> = None;
        let mut refused: Option<UserError> = None;
        // What speaks against one, or keeps it from speaking, may be its own fault: a second one tells.
        for index in unread.iter().copied().take(2) {
            match self.of_header(&called(&offers[index]), &offers[index], foretell).await {
                Ok(Some(told)) => {
                    let own = offers[index].bytes;
                    let counted = if offers[index].files.len() > 1 { hit.parameters } else { None };
                    let mut told = if counted.is_some() { of_set(&told, own) } else { told };
                    told.parameters = counted.unwrap_or(told.parameters);
                    offers[index].facts = Some(Ok(told.clone()));
                    facts = Some(told);
                    break;
                }
                Ok(None) => {}
                Err(error) => {
                    offers[index].facts = Some(Err(error.clone()));
                    refused = Some(error);
                }
            }
        }
        for index in unread.into_iter().filter(|_| facts.is_some() || refused.is_some()) {
            let offer = &mut offers[index];
            if offer.facts.is_none() {
                offer.facts = match (&facts, &refused) {
                    (Some(facts), _) => Some(Ok(facts.in_bytes(offer.bytes, &offer.quant))),
                    (None, Some(error)) => Some(Err(error.clone())),
                    (None, None) => None,
                };
            }
        }
        if offers.iter().any(|offer| offer.format == Format::Safetensors) {
            let told = self.of_config(files, foretell, types).await;
            for offer in offers.iter_mut().filter(|offer| offer.format == Format::Safetensors) {
                if let Some(Ok(facts)) = &told {
                    offer.quant.clone_from(&facts.quant);
                    offer.quality = Quality::of(&facts.quant);
                    offer.kind = if facts.mlx { Kind::Mlx } else { offer.kind };
                }
                offer.facts.clone_from(&told);
            }
        }
    }

    /// What the header of an offer's first file says. A file that does not come tells nothing.
    async fn of_header(
        &self,
        name: &str,
        offer: &Offer,
        foretell: crate::hub::Foretell,
    ) -> Result<Option<ModelFacts>, UserError> {
        let Some(file) = offer.files.first() else { return Ok(None) };
        let mut next = FIRST_LOOK;
        let mut told = Ok(None);
        let look = |start: &[u8]| {
            if start.len() < next && (start.len() as u64) < file.bytes {
                return false;
            }
            next = start.len().saturating_mul(2);
            told = foretell(name, start, file.bytes, &[]);
            !matches!(told, Ok(None))
        };
        match self.hub.beginning(self.repo, self.commit, &file.path, MOST_HEADER, look).await {
            Ok(start) => told.or_else(|error| {
                tracing::debug!(%error, name, have = start.len(), "the header tells of no model that could be run");
                if error.kind == ErrorKind::ModelUnsupported { Err(error) } else { Ok(None) }
            }),
            Err(error) => {
                tracing::debug!(%error, name, "the header does not come");
                Ok(None)
            }
        }
    }

    async fn of_config(
        &self,
        files: &[RepoFile],
        foretell: crate::hub::Foretell,
        types: &[(String, u64, u64)],
    ) -> Option<Result<ModelFacts, UserError>> {
        let bytes = self.hub.beginning(self.repo, self.commit, CONFIG, MOST_CONFIG, |_| false).await.ok()?;
        let weights = files.iter().filter(|file| !file.path.contains('/') && file.path.ends_with(".safetensors"));
        let weights = weights.map(|file| file.bytes).fold(0, u64::saturating_add);
        match foretell(&format!("{}/{CONFIG}", self.repo), &bytes, weights, types) {
            Ok(Some(facts)) if facts.bytes > 0 => Some(Ok(facts.in_bytes(weights.max(1), &facts.quant))),
            Err(error) if error.kind == ErrorKind::ModelUnsupported => Some(Err(error)),
            Ok(_) | Err(_) => None,
        }
    }
}

/// What the first file of a set says, for all of it: the weights are elsewhere, and what the engine unpacks of them is not.
fn of_set(told: &ModelFacts, bytes: u64) -> ModelFacts {
    let unpacked = 4 * u64::from(told.vocabulary) * u64::from(told.width);
    ModelFacts { bytes, held: bytes.saturating_add(unpacked), per_token: bytes, unpacking: 0, ..told.clone() }
}

/// Markdown without the YAML at its beginning.
fn without_header(text: &str) -> &str {
    let text = text.trim_start_matches('\u{feff}');
    let Some(rest) = text.strip_prefix("---\n").or_else(|| text.strip_prefix("---\r\n")) else { return text };
    let mut at = 0;
    for line in rest.split_inclusive('\n') {
        at += line.len();
        if line.trim_end() == "---" {
            return &rest[at..];
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_of_a_card_is_for_machines() {
        assert_eq!(without_header("---\nlicense: mit\n---\n# M\n---\nx"), "# M\n---\nx");
        assert_eq!(without_header("---\r\na: b\r\n---\r\n# M"), "# M");
        assert_eq!(without_header("# M\n---\n"), "# M\n---\n");
        assert_eq!(without_header("---\nnever ends"), "---\nnever ends");
        assert_eq!(without_header("---\n---"), "");
    }
}
