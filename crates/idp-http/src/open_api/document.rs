//! Assembles the OpenAPI document.

use super::components::Components;
use super::operation::{Answer, Operation, Precondition, SchemaOf};
use crate::problem::ProblemBody;
use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The part of the document that is about the whole service.
pub(super) struct About {
    pub(super) title: String,
    pub(super) version: String,
    pub(super) description: Option<String>,
}

/// The document, in OpenAPI 3.1.
pub(super) fn document(about: &About, operations: &[Operation]) -> Value {
    let mut components = Components::new();
    let mut paths = Map::new();
    for operation in operations {
        let item = paths.entry(operation.path.replace("{*", "{")).or_insert_with(|| json!({}));
        item[operation.method.as_str().to_ascii_lowercase()] = describe(operation, &mut components);
    }
    let mut paths = Value::Object(paths);
    let schemas = components.finish(&mut paths);
    let mut info = json!({ "title": about.title, "version": about.version });
    if let Some(description) = &about.description {
        info["description"] = json!(description);
    }
    json!({
        "openapi": "3.1.0",
        "info": info,
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
            },
        },
    })
}

fn describe(operation: &Operation, components: &mut Components) -> Value {
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "responses": responses(operation, components),
    });
    if let Some(description) = operation.description {
        described["description"] = json!(description);
    }
    if let Some(tag) = operation.tag {
        described["tags"] = json!([tag]);
    }
    if !operation.is_public {
        described["security"] = json!([{ "bearer": [] }]);
    }
    let parameters = parameters(operation, components);
    if !parameters.is_empty() {
        described["parameters"] = json!(parameters);
    }
    if let Some(schema) = operation.body {
        let content = content("application/json", schema, &mut components.taken);
        described["requestBody"] = json!({ "required": true, "content": content });
    }
    described
}

fn parameters(operation: &Operation, components: &mut Components) -> Vec<Value> {
    let mut parameters = path_parameters(operation, components);
    if let Some(schema) = operation.query {
        parameters.extend(query_parameters(&schema(&mut components.taken).to_value()));
    }
    if let Some(precondition) = operation.precondition {
        parameters.push(json!({
            "name": "If-Match",
            "in": "header",
            "required": precondition == Precondition::Required,
            "description": "The `ETag` of the version that was seen, or `*`",
            "schema": { "type": "string" },
        }));
    }
    if !operation.is_public {
        parameters.push(json!({
            "name": "X-Tenant",
            "in": "header",
            "required": false,
            "description": "Selects the tenant, if the token is for several",
            "schema": { "type": "string" },
        }));
    }
    parameters
}

fn path_parameters(operation: &Operation, components: &mut Components) -> Vec<Value> {
    let parameter = |name: &str| {
        let known = operation.path_parameters.iter().find(|parameter| parameter.name == name);
        let schema = match known {
            Some(parameter) => (parameter.schema)(&mut components.taken).to_value(),
            None => json!({ "type": "string" }),
        };
        let mut described =
            json!({ "name": name, "in": "path", "required": true, "schema": schema });
        if let Some(parameter) = known {
            described["description"] = json!(parameter.description);
        }
        described
    };
    names_in(operation.path).map(parameter).collect()
}

/// The parameters in a path of axum: `{name}`, or `{*name}` for the rest of the path.
fn names_in(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|segment| {
        let name = segment.strip_prefix('{')?.strip_suffix('}')?;
        Some(name.trim_start_matches('*'))
    })
}

/// Each property of an object as a parameter.
fn query_parameters(schema: &Value) -> Vec<Value> {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let properties = schema["properties"].as_object().into_iter().flatten();
    let parameter = |(name, property): (&String, &Value)| {
        let mut schema = without_null(property.clone());
        let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        let mut described = json!({
            "name": name,
            "in": "query",
            "required": required.contains(&json!(name)),
            "schema": schema,
        });
        if let Some(description) = description {
            described["description"] = description;
        }
        described
    };
    properties.map(parameter).collect()
}

/// A parameter that is not there is left out: there is no way to write null.
fn without_null(mut schema: Value) -> Value {
    let is_null = |value: &Value| *value == json!("null") || *value == json!({ "type": "null" });
    for member in ["type", "anyOf"] {
        if let Some(choices) = schema.get_mut(member).and_then(Value::as_array_mut) {
            choices.retain(|choice| !is_null(choice));
            let only = if choices.len() == 1 { choices.pop() } else { None };
            match (member, only) {
                ("type", Some(only)) => schema[member] = only,
                (_, Some(Value::Object(only))) => {
                    if let Some(members) = schema.as_object_mut() {
                        members.remove(member);
                        members.extend(only);
                    }
                }
                _ => {}
            }
        }
    }
    schema
}

fn responses(operation: &Operation, components: &mut Components) -> Value {
    let mut responses = Map::new();
    for answer in &operation.answers {
        responses.insert(answer.status.as_str().to_owned(), describe_answer(answer, components));
    }
    let problem: SchemaOf = |generator| generator.subschema_for::<ProblemBody<'static>>();
    let mut respond = |status: &str, description: String| {
        let content = content(crate::Problem::MEDIA_TYPE, problem, &mut components.answered);
        let response = json!({ "description": description, "content": content });
        responses.entry(status).or_insert(response);
    };
    for (status, cases) in problems(operation) {
        respond(&status.to_string(), sentence(&cases.join("; or ")));
    }
    respond("default", "Any other problem, such as a fault of the service".to_owned());
    Value::Object(responses)
}

fn describe_answer(answer: &Answer, components: &mut Components) -> Value {
    let mut described = json!({ "description": answer.description });
    if let Some((media_type, schema)) = answer.content {
        described["content"] = content(media_type, schema, &mut components.answered);
    }
    if answer.has_version_tag {
        let description = "The version, for `If-Match`";
        described["headers"] = json!({
            "ETag": { "description": description, "schema": { "type": "string" } },
        });
    }
    described
}

fn content(media_type: &str, schema: SchemaOf, generator: &mut schemars::SchemaGenerator) -> Value {
    json!({ media_type: { "schema": schema(generator) } })
}

/// The text with a capital at its beginning.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(char::to_uppercase).into_iter().flatten().chain(characters).collect()
}

/// The problems of an operation: the stated ones, and those of everything of its kind.
fn problems(operation: &Operation) -> BTreeMap<u16, Vec<&'static str>> {
    let has_path_parameters = names_in(operation.path).next().is_some();
    let is_secured = !operation.is_public;
    let has_body = operation.body.is_some();
    let has_precondition = operation.precondition.is_some();
    let table = [
        (has_path_parameters, StatusCode::BAD_REQUEST, "the path has the wrong form"),
        (operation.query.is_some(), StatusCode::BAD_REQUEST, "the query has the wrong form"),
        (has_body, StatusCode::BAD_REQUEST, "the body is not JSON"),
        (is_secured, StatusCode::BAD_REQUEST, "the token is for several tenants, none is selected"),
        (is_secured, StatusCode::UNAUTHORIZED, "there is no acceptable token"),
        (is_secured, StatusCode::FORBIDDEN, "the token is not for this tenant"),
        (has_body, StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"),
        (has_body, StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body has another media type"),
        (has_body, StatusCode::UNPROCESSABLE_ENTITY, "the body has wrong fields or values"),
        (has_precondition, StatusCode::BAD_REQUEST, "`If-Match` has the wrong form"),
        (has_precondition, StatusCode::PRECONDITION_FAILED, "somebody changed it meanwhile"),
        (
            operation.precondition == Some(Precondition::Required),
            StatusCode::PRECONDITION_REQUIRED,
            "`If-Match` is missing",
        ),
    ];
    let of_its_kind = table.into_iter().filter(|(applies, ..)| *applies).map(|(_, s, w)| (s, w));
    let mut problems: BTreeMap<u16, Vec<&'static str>> = BTreeMap::new();
    for (status, when) in operation.problems.iter().copied().chain(of_its_kind) {
        problems.entry(status.as_u16()).or_default().push(when);
    }
    problems
}
