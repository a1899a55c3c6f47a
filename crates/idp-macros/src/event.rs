//! One event: a variant, with the name and version under which it is kept.

use crate::body::{Body, Style};
use crate::case::{is_plain_word, snake_case};
use crate::problems::Problems;
use crate::settings::{Setting, refuse_on_fields, settings};
use syn::ext::IdentExt;
use syn::{Ident, LitInt, LitStr, Path, Variant};

/// One variant.
pub(crate) struct Event {
    pub(crate) ident: Ident,
    pub(crate) body: Body,
    pub(crate) name: LitStr,
    pub(crate) schema_id: LitStr,
    pub(crate) version: u32,
    pub(crate) upcast: Option<Path>,
}

#[derive(Default)]
struct EventSettings {
    name: Option<LitStr>,
    schema_id: Option<LitStr>,
    version: Option<LitInt>,
    upcast: Option<Path>,
}

impl Event {
    /// Reads a variant of the enum `set`.
    pub(crate) fn parse(set: &Ident, variant: &Variant, problems: &mut Problems) -> Option<Self> {
        let mut found = EventSettings::default();
        for setting in settings(&variant.attrs, "event", problems) {
            found.take(&setting, problems);
        }
        refuse_on_fields(&variant.fields, "event", "a field of an event", problems);
        let body = Body::new(&variant.fields);
        if body.style() == Style::Tuple && body.parts().len() != 1 {
            let message = "an event with several values names them: write `{ name: Type, … }`";
            problems.at(&variant.fields, message);
        }
        let version = parse_version(found.version.as_ref(), problems);
        if let (Some(upcast), ..=1) = (&found.upcast, version) {
            let message =
                "version 1 has nothing older to lift: remove `upcast`, or write `version = 2`";
            problems.at(upcast, message);
        }
        let name = parse_name(set, variant, found.name, problems)?;
        let schema_id = found.schema_id.unwrap_or_else(|| name.clone());
        let ident = variant.ident.clone();
        Some(Self { ident, body, name, schema_id, version, upcast: found.upcast })
    }
}

impl EventSettings {
    fn take(&mut self, setting: &Setting, problems: &mut Problems) {
        match setting.key().as_str() {
            "name" => setting.set(&mut self.name, setting.text(), problems),
            "schema" => setting.set(&mut self.schema_id, setting.text(), problems),
            "version" => setting.set(&mut self.version, setting.number(), problems),
            "upcast" => setting.set(&mut self.upcast, setting.path(), problems),
            _ => {
                let known = "`name = \"…\"`, `version = 2`, `upcast = function`, `schema = \"…\"`";
                setting.refuse("an event", known, problems);
            }
        }
    }
}

fn parse_version(given: Option<&LitInt>, problems: &mut Problems) -> u32 {
    let Some(given) = given else { return 1 };
    match problems.keep(given.base10_parse()) {
        Some(0) => problems.at(given, "versions count from 1: write `version = 1`"),
        Some(version) => return version,
        None => {}
    }
    1
}

fn parse_name(
    set: &Ident,
    variant: &Variant,
    given: Option<LitStr>,
    problems: &mut Problems,
) -> Option<LitStr> {
    let example = example_name(set, &variant.ident);
    let Some(name) = given else {
        let message = format!(
            "event `{}` has no stable name: add `#[event(name = \"{example}\")]`",
            variant.ident
        );
        problems.at(&variant.ident, message);
        return None;
    };
    let text = name.value();
    if !text.contains('.') || !text.split('.').all(is_plain_word) {
        let message = format!(
            "an event is named after its aggregate and what happened, in lower case with a dot \
             between: write `name = \"{example}\"`"
        );
        problems.at(&name, message);
    }
    Some(name)
}

/// `route_plan.created` for the variant `Created` of `RoutePlanEvent`.
fn example_name(set: &Ident, variant: &Ident) -> String {
    let set = set.unraw().to_string();
    let aggregate = set.strip_suffix("Events").or(set.strip_suffix("Event")).unwrap_or(&set);
    format!("{}.{}", snake_case(aggregate), snake_case(&variant.unraw().to_string()))
}

/// Reports each event that takes the name of one before it.
pub(crate) fn refuse_same_names(events: &[Event], problems: &mut Problems) {
    for (at, event) in events.iter().enumerate() {
        let same = |other: &&Event| other.name.value() == event.name.value();
        if let Some(first) = events[..at].iter().find(same) {
            let message = format!(
                "`{}` is already the name of `{}`: give each event a name of its own",
                event.name.value(),
                first.ident
            );
            problems.at(&event.name, message);
        }
    }
}
