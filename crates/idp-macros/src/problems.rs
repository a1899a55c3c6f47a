//! Collects what is wrong with a type, so that all of it is reported at once.

use quote::ToTokens;
use std::fmt::Display;

/// The mistakes found so far.
#[derive(Default)]
pub(crate) struct Problems(Option<syn::Error>);

impl Problems {
    /// Reports a mistake at the user's tokens.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.report(syn::Error::new_spanned(tokens, message));
    }

    /// Reports a mistake.
    pub(crate) fn report(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(first) => first.combine(error),
            None => self.0 = Some(error),
        }
    }

    /// The value, or nothing once its error is reported.
    pub(crate) fn keep<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.report(error)).ok()
    }

    /// The finished model, unless there was a mistake. A part that is missing must be reported.
    pub(crate) fn resolve<T>(self, model: Option<T>) -> syn::Result<T> {
        match (self.0, model) {
            (Some(error), _) => Err(error),
            (None, Some(model)) => Ok(model),
            (None, None) => unreachable!("a part of the model is missing, and nobody said so"),
        }
    }
}
