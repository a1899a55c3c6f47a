//! The text of a refusal, and the fields that stand in it.

use crate::body::Body;
use quote::ToTokens;
use std::fmt::Write;
use syn::ext::IdentExt;
use syn::{LitStr, Member};

/// A format string in which every field goes by its binding.
#[derive(Debug, PartialEq)]
pub(crate) struct Message {
    /// The format string.
    pub(crate) format: String,
    /// The fields in it, by their place in the body, each once.
    pub(crate) fields: Vec<usize>,
}

impl Message {
    /// Reads `"{count} people"`. Fails, at the text, on what is not a field.
    pub(crate) fn parse(text: &LitStr, body: &Body) -> syn::Result<Self> {
        Self::read(&text.value(), body).map_err(|problem| syn::Error::new(text.span(), problem))
    }

    fn read(text: &str, body: &Body) -> Result<Self, String> {
        let mut message = Self { format: String::new(), fields: Vec::new() };
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, found) = rest.split_at(at);
            message.format.push_str(before);
            rest = match found {
                _ if found.starts_with("{{") || found.starts_with("}}") => {
                    message.format.push_str(&found[..2]);
                    &found[2..]
                }
                _ => message.placeholder(found, body)?,
            };
        }
        message.format.push_str(rest);
        Ok(message)
    }

    /// Reads one `{field:spec}` at the start of the text, and gives what follows it.
    fn placeholder<'t>(&mut self, text: &'t str, body: &Body) -> Result<&'t str, String> {
        let Some((inside, rest)) = text.strip_prefix('{').and_then(|text| text.split_once('}'))
        else {
            return Err("a brace stands alone: write `{field}`, or `{{` for a brace itself".into());
        };
        let (name, spec) = match inside.split_once(':') {
            Some((name, spec)) => (name.trim(), format!(":{spec}")),
            None => (inside.trim(), String::new()),
        };
        if spec.contains('$') {
            return Err("the width of a field cannot be another field: write it as a number".into());
        }
        let place = find(name, body)?;
        let binding = &body.parts()[place].binding;
        write!(self.format, "{{{binding}{spec}}}").expect("a string takes everything");
        if !self.fields.contains(&place) {
            self.fields.push(place);
        }
        Ok(rest)
    }
}

fn find(name: &str, body: &Body) -> Result<usize, String> {
    let names: Vec<String> = body.parts().iter().map(|part| shown(&part.member)).collect();
    names.iter().position(|known| known == name).ok_or_else(|| {
        let known: Vec<String> = names.iter().map(|name| format!("`{{{name}}}`")).collect();
        if known.is_empty() {
            format!("there is no field for `{{{name}}}`: this variant has no fields")
        } else {
            format!("there is no field for `{{{name}}}`: write {}", known.join(" or "))
        }
    })
}

fn shown(member: &Member) -> String {
    match member {
        Member::Named(ident) => ident.unraw().to_string(),
        Member::Unnamed(index) => index.to_token_stream().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;
    use syn::{Variant, parse_quote};

    fn read(text: &str) -> Result<(String, Vec<usize>), String> {
        let variant: Variant = parse_quote!(TooNarrow { count: u32, r#type: u32 });
        let message = Message::read(text, &Body::new(&variant.fields))?;
        Ok((message.format, message.fields))
    }

    #[test]
    fn a_field_goes_by_its_binding_and_is_bound_once() {
        let read = read("{count}, {type:>3}, {count:?}").expect("both are fields");
        assert_eq!(read, ("{field_0}, {field_1:>3}, {field_0:?}".into(), vec![0, 1]));
    }

    #[test]
    fn a_doubled_brace_is_no_field() {
        assert_eq!(read("{{count}} }}{{"), Ok(("{{count}} }}{{".into(), vec![])));
    }

    #[test]
    fn a_tuple_has_its_fields_by_number() {
        let variant: Variant = syn::parse2(quote!(Locked(u32, u32))).expect("a variant");
        let message = Message::read("{1}", &Body::new(&variant.fields)).expect("it has two");
        assert_eq!(message.format, "{field_1}");
    }

    #[test]
    fn what_is_no_field_is_refused() {
        for text in ["{}", "{width}", "{0}", "{count", "count}", "{count:>width$}"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
