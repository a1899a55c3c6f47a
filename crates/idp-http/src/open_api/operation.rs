//! One operation of the interface, described where it is routed.

use axum::http::{Method, StatusCode};
use axum::routing::MethodFilter;
use schemars::{JsonSchema, Schema, SchemaGenerator};

/// Makes the schema of one type.
pub(super) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// What an operation takes and answers. It is routed by [`Api::route`](super::Api::route).
///
/// Problems that every operation of its kind can answer with need not be stated: those of the body,
/// the parameters, the token and the precondition.
#[derive(Clone, Debug)]
pub struct Operation {
    pub(super) method: Method,
    pub(super) filter: MethodFilter,
    pub(super) path: &'static str,
    pub(super) id: &'static str,
    pub(super) tag: Option<&'static str>,
    pub(super) summary: &'static str,
    pub(super) description: Option<&'static str>,
    pub(super) path_parameters: Vec<PathParameter>,
    pub(super) query: Option<SchemaOf>,
    pub(super) precondition: Option<Precondition>,
    pub(super) body: Option<SchemaOf>,
    pub(super) answers: Vec<Answer>,
    pub(super) problems: Vec<(StatusCode, &'static str)>,
    pub(super) is_public: bool,
}

#[derive(Clone, Debug)]
pub(super) struct PathParameter {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub(super) schema: SchemaOf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Precondition {
    Optional,
    Required,
}

#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) description: &'static str,
    pub(super) content: Option<(&'static str, SchemaOf)>,
    pub(super) has_version_tag: bool,
}

impl Operation {
    /// `GET` on a path such as `/route-plans/{id}`. The id is unique among all operations, for
    /// generated clients; the summary is a short phrase.
    pub fn get(path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self::new(Method::GET, MethodFilter::GET, path, id, summary)
    }

    /// `POST`, see [`Operation::get`].
    pub fn post(path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self::new(Method::POST, MethodFilter::POST, path, id, summary)
    }

    /// `PUT`, see [`Operation::get`].
    pub fn put(path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self::new(Method::PUT, MethodFilter::PUT, path, id, summary)
    }

    /// `PATCH`, see [`Operation::get`].
    pub fn patch(path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self::new(Method::PATCH, MethodFilter::PATCH, path, id, summary)
    }

    /// `DELETE`, see [`Operation::get`].
    pub fn delete(path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self::new(Method::DELETE, MethodFilter::DELETE, path, id, summary)
    }

    fn new(
        method: Method,
        filter: MethodFilter,
        path: &'static str,
        id: &'static str,
        summary: &'static str,
    ) -> Self {
        Self {
            method,
            filter,
            path,
            id,
            tag: None,
            summary,
            description: None,
            path_parameters: Vec::new(),
            query: None,
            precondition: None,
            body: None,
            answers: Vec::new(),
            problems: Vec::new(),
            is_public: false,
        }
    }

    /// Groups it with others in the documentation.
    pub fn tag(mut self, tag: &'static str) -> Self {
        self.tag = Some(tag);
        self
    }

    /// Says more than the summary.
    pub fn describe(mut self, description: &'static str) -> Self {
        self.description = Some(description);
        self
    }

    /// Needs no token. Without this, the description says that it needs one; that it is checked is
    /// up to the handler, which takes a [`Caller`](crate::Caller).
    pub fn public(mut self) -> Self {
        self.is_public = true;
        self
    }

    /// Describes a parameter of the path. One that is not described is text.
    pub fn path_parameter<T: JsonSchema>(
        mut self,
        name: &'static str,
        description: &'static str,
    ) -> Self {
        let schema: SchemaOf = |generator| generator.subschema_for::<T>();
        self.path_parameters.push(PathParameter { name, description, schema });
        self
    }

    /// Takes the fields of `T` as parameters of the query string.
    pub fn query<T: JsonSchema>(mut self) -> Self {
        self.query = Some(|generator| T::json_schema(generator));
        self
    }

    /// Takes a JSON body.
    pub fn body<T: JsonSchema>(mut self) -> Self {
        self.body = Some(|generator| generator.subschema_for::<T>());
        self
    }

    /// Heeds `If-Match`.
    pub fn heeds_if_match(mut self) -> Self {
        self.precondition = Some(Precondition::Optional);
        self
    }

    /// Demands `If-Match`: 428 without.
    pub fn demands_if_match(mut self) -> Self {
        self.precondition = Some(Precondition::Required);
        self
    }

    /// Answers with a JSON body.
    pub fn answers<T: JsonSchema>(self, status: StatusCode, description: &'static str) -> Self {
        self.answer(status, description, Some(("application/json", |g| g.subschema_for::<T>())))
    }

    /// Answers with a stream of server-sent events, each with this JSON in it.
    pub fn answers_live<T: JsonSchema>(self, description: &'static str) -> Self {
        let content = ("text/event-stream", (|g| g.subschema_for::<T>()) as SchemaOf);
        self.answer(StatusCode::OK, description, Some(content))
    }

    /// Answers without a body.
    pub fn answers_empty(self, status: StatusCode, description: &'static str) -> Self {
        self.answer(status, description, None)
    }

    /// The answer that was stated last carries the version as `ETag`.
    pub fn with_version_tag(mut self) -> Self {
        if let Some(answer) = self.answers.last_mut() {
            answer.has_version_tag = true;
        }
        self
    }

    /// Answers with a problem in a case of its own: "the plan was dispatched already".
    pub fn problem(mut self, status: StatusCode, when: &'static str) -> Self {
        self.problems.push((status, when));
        self
    }

    fn answer(
        mut self,
        status: StatusCode,
        description: &'static str,
        content: Option<(&'static str, SchemaOf)>,
    ) -> Self {
        self.answers.push(Answer { status, description, content, has_version_tag: false });
        self
    }
}
