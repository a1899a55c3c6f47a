//! Where a message goes.

use idp_application::{Error, ErrorKind};
use idp_domain::Envelope;
use std::sync::Arc;

/// A template for topics: text with placeholders in braces.
///
/// | placeholder | stands for |
/// |---|---|
/// | `{tenant}` | the tenant |
/// | `{aggregate_type}` | the name of the aggregate's type |
/// | `{event_type}` | the name of the event |
///
/// ```
/// use idp_relay::TopicRule;
///
/// assert!(TopicRule::parse("persistent://{tenant}/events/{aggregate_type}").is_ok());
/// assert!(TopicRule::parse("{tenent}/events").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicRule {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Tenant,
    AggregateType,
    EventType,
}

impl TopicRule {
    /// The rule of that template. Fails when it is empty, has an unknown placeholder or a brace
    /// without its partner.
    pub fn parse(template: &str) -> Result<Self, Error> {
        let mut parts = Vec::new();
        let mut rest = template;
        while let Some((text, behind)) = rest.split_once('{') {
            let (name, behind) =
                behind.split_once('}').ok_or_else(|| invalid(template, "a brace is not closed"))?;
            parts.extend(text_part(template, text)?);
            parts.push(placeholder(template, name)?);
            rest = behind;
        }
        parts.extend(text_part(template, rest)?);
        if parts.is_empty() {
            return Err(invalid(template, "it is empty"));
        }
        Ok(Self { parts })
    }

    /// Always the same topic.
    pub fn fixed(topic: impl Into<String>) -> Self {
        Self { parts: vec![Part::Text(topic.into())] }
    }

    /// The template.
    pub(crate) fn template(&self) -> String {
        let text = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Tenant => "{tenant}".to_owned(),
            Part::AggregateType => "{aggregate_type}".to_owned(),
            Part::EventType => "{event_type}".to_owned(),
        };
        self.parts.iter().map(text).collect()
    }

    /// The topic of an event.
    pub fn topic_of(&self, event: &Envelope) -> Arc<str> {
        let text = |part: &Part| -> String {
            match part {
                Part::Text(text) => text.clone(),
                Part::Tenant => event.tenant.to_string(),
                Part::AggregateType => event.aggregate_type.to_string(),
                Part::EventType => event.event_type.to_string(),
            }
        };
        self.parts.iter().map(text).collect::<String>().into()
    }
}

/// The type of the aggregate.
impl Default for TopicRule {
    fn default() -> Self {
        Self { parts: vec![Part::AggregateType] }
    }
}

fn text_part(template: &str, text: &str) -> Result<Option<Part>, Error> {
    if text.contains('}') {
        return Err(invalid(template, "a brace is not opened"));
    }
    Ok((!text.is_empty()).then(|| Part::Text(text.to_owned())))
}

fn placeholder(template: &str, name: &str) -> Result<Part, Error> {
    match name {
        "tenant" => Ok(Part::Tenant),
        "aggregate_type" => Ok(Part::AggregateType),
        "event_type" => Ok(Part::EventType),
        _ => Err(invalid(
            template,
            &format!(
                "`{{{name}}}` is none of `{{tenant}}`, `{{aggregate_type}}`, `{{event_type}}`"
            ),
        )),
    }
}

fn invalid(template: &str, reason: &str) -> Error {
    let message = format!("`topic` {template:?}: {reason}");
    Error::new(ErrorKind::Invalid, "configure the target", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::sample::envelope;

    fn topic(template: &str) -> String {
        TopicRule::parse(template).expect("a good template").topic_of(&envelope(1)).to_string()
    }

    #[test]
    fn placeholders_are_filled_in() {
        assert_eq!(topic("{tenant}.{aggregate_type}/{event_type}!"), "acme.tally/tally.counted!");
        assert_eq!(topic("all"), "all");
    }

    #[test]
    fn a_wrong_template_says_what_is_wrong() {
        for (template, reason) in [
            ("", "it is empty"),
            ("{tenant", "a brace is not closed"),
            ("tenant}", "a brace is not opened"),
            ("{}", "`{}` is none of"),
            ("{Tenant}", "`{Tenant}` is none of"),
        ] {
            let error = TopicRule::parse(template).expect_err("a wrong template");
            assert!(error.message().contains(reason), "{template}: {error}");
        }
    }
}
