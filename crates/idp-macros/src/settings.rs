//! The settings in an attribute: `#[aggregate(name = "route_plan", audit, unique(reference))]`.

use crate::problems::Problems;
use proc_macro2::TokenStream;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{
    Attribute, Error, Expr, ExprLit, Fields, Ident, Lit, LitInt, LitStr, Path, Token, token,
};

/// One setting of an attribute.
pub(crate) struct Setting {
    key: Ident,
    value: Value,
}

enum Value {
    /// `audit`
    Flag,
    /// `name = "route_plan"`
    Assigned(Expr),
    /// `unique(reference)`
    List(TokenStream),
}

impl Parse for Setting {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let key = input.call(Ident::parse_any)?;
        let value = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            Value::Assigned(input.parse()?)
        } else if input.peek(token::Paren) {
            let list;
            syn::parenthesized!(list in input);
            Value::List(list.parse()?)
        } else {
            Value::Flag
        };
        Ok(Self { key, value })
    }
}

/// All settings in the attributes of that name.
pub(crate) fn settings(
    attributes: &[Attribute],
    name: &str,
    problems: &mut Problems,
) -> Vec<Setting> {
    let parser = Punctuated::<Setting, Token![,]>::parse_terminated;
    attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident(name))
        .filter_map(|attribute| problems.keep(attribute.parse_args_with(parser)))
        .flatten()
        .collect()
}

/// Reports every setting on a field, where there are none.
pub(crate) fn refuse_on_fields(fields: &Fields, name: &str, whose: &str, problems: &mut Problems) {
    for field in fields {
        for setting in settings(&field.attrs, name, problems) {
            setting.refuse(whose, "no settings", problems);
        }
    }
}

impl Setting {
    /// What is set.
    pub(crate) fn key(&self) -> String {
        self.key.to_string()
    }

    /// Reports that there is no such setting. `known` lists those that there are.
    pub(crate) fn refuse(&self, whose: &str, known: &str, problems: &mut Problems) {
        problems.at(&self.key, format!("unknown setting `{}`: {whose} takes {known}", self.key));
    }

    /// Keeps a value that may be given once.
    pub(crate) fn set<T>(&self, slot: &mut Option<T>, value: syn::Result<T>, at: &mut Problems) {
        if slot.is_some() {
            at.at(&self.key, format!("`{}` is given twice: keep one", self.key));
        }
        if let Some(value) = at.keep(value) {
            slot.get_or_insert(value);
        }
    }

    /// Nothing, as in `audit`.
    pub(crate) fn flag(&self) -> syn::Result<()> {
        match self.value {
            Value::Flag => Ok(()),
            _ => Err(self.expected("")),
        }
    }

    /// The text of `name = "route_plan"`.
    pub(crate) fn text(&self) -> syn::Result<LitStr> {
        match &self.value {
            Value::Assigned(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => Ok(text.clone()),
            _ => Err(self.expected(" = \"…\"")),
        }
    }

    /// The number of `version = 2`.
    pub(crate) fn number(&self) -> syn::Result<LitInt> {
        match &self.value {
            Value::Assigned(Expr::Lit(ExprLit { lit: Lit::Int(number), .. })) => Ok(number.clone()),
            _ => Err(self.expected(" = 2")),
        }
    }

    /// The path of `upcast = from_v1`.
    pub(crate) fn path(&self) -> syn::Result<Path> {
        match &self.value {
            Value::Assigned(Expr::Path(path)) if path.qself.is_none() => Ok(path.path.clone()),
            _ => Err(self.expected(" = path::to::function")),
        }
    }

    /// The path of `crate = "…"`.
    pub(crate) fn quoted_path(&self) -> syn::Result<Path> {
        self.text()?.parse_with(Path::parse_mod_style)
    }

    /// The field of `key = plan_id`.
    pub(crate) fn field(&self) -> syn::Result<Ident> {
        match &self.value {
            Value::Assigned(Expr::Path(path)) => path.path.require_ident().cloned(),
            _ => Err(self.expected(" = field")),
        }
    }

    /// The fields of `unique(carrier, reference)`, at least one.
    pub(crate) fn fields(&self) -> syn::Result<Vec<Ident>> {
        let parser = Punctuated::<Ident, Token![,]>::parse_terminated;
        let fields: Vec<Ident> = match &self.value {
            Value::List(list) => parser.parse2(list.clone())?.into_iter().collect(),
            _ => vec![],
        };
        if fields.is_empty() { Err(self.expected("(field, …)")) } else { Ok(fields) }
    }

    fn expected(&self, value: &str) -> Error {
        let span = match &self.value {
            Value::Assigned(value) => value.span(),
            Value::List(list) if !list.is_empty() => list.span(),
            _ => self.key.span(),
        };
        Error::new(span, format!("write `{}{value}`", self.key))
    }
}
