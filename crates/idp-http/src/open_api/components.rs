//! The schemas of a document, each under one name.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

const PREFIX: &str = "#/components/schemas/";

/// Collects the schemas of what is taken and of what is answered. A type may differ between the
/// two: a field with a default may be left out by a client, and is always there in an answer.
pub(super) struct Components {
    pub(super) taken: SchemaGenerator,
    pub(super) answered: SchemaGenerator,
}

impl Components {
    pub(super) fn new() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = "/components/schemas".into();
                settings.meta_schema = None;
            })
        };
        Self {
            taken: settings().for_deserialize().into_generator(),
            answered: settings().for_serialize().into_generator(),
        }
    }

    /// All schemas. Where a name means different things, what is taken is renamed to
    /// `...Input` there and in the paths.
    pub(super) fn finish(mut self, paths: &mut Value) -> Map<String, Value> {
        let mut schemas = self.answered.take_definitions(true);
        let mut taken = self.taken.take_definitions(true);
        let clashes = clashes(&taken, &schemas);
        for (_, schema) in &mut taken {
            rename(schema, &clashes);
        }
        for_each_taken(paths, |schema| rename(schema, &clashes));
        for (name, schema) in taken {
            let name = if clashes.contains(&name) { format!("{name}Input") } else { name };
            schemas.insert(name, schema);
        }
        schemas
    }
}

/// The names that mean different things: in themselves, or because of what they refer to.
fn clashes(taken: &Map<String, Value>, answered: &Map<String, Value>) -> Vec<String> {
    let shared: Vec<_> = taken.iter().filter(|(name, _)| answered.contains_key(*name)).collect();
    let mut clashes: Vec<String> = Vec::new();
    loop {
        let before = clashes.len();
        for (name, schema) in &shared {
            let differs = answered.get(*name) != Some(schema) || refers_to_any(schema, &clashes);
            if differs && !clashes.contains(name) {
                clashes.push((*name).clone());
            }
        }
        if clashes.len() == before {
            return clashes;
        }
    }
}

fn refers_to_any(schema: &Value, names: &[String]) -> bool {
    let mut renamed = schema.clone();
    rename(&mut renamed, names);
    renamed != *schema
}

/// Visits the parts of paths that describe what is taken.
fn for_each_taken(paths: &mut Value, mut visit: impl FnMut(&mut Value)) {
    let items = paths.as_object_mut().into_iter().flat_map(Map::values_mut);
    let operations = items.filter_map(Value::as_object_mut).flat_map(Map::values_mut);
    for operation in operations {
        for part in ["parameters", "requestBody"] {
            if let Some(part) = operation.get_mut(part) {
                visit(part);
            }
        }
    }
}

fn rename(schema: &mut Value, clashes: &[String]) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, clashes)),
        Value::Object(members) => {
            for (name, member) in members {
                match (name.as_str(), member) {
                    ("$ref", Value::String(reference)) => {
                        let target = reference.strip_prefix(PREFIX).unwrap_or_default();
                        if clashes.iter().any(|clash| clash == target) {
                            reference.push_str("Input");
                        }
                    }
                    (_, member) => rename(member, clashes),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Stop {
        #[serde(default)]
        demand: u32,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Place {
        x: u32,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Plan {
        stops: Vec<Stop>,
        depot: Place,
    }

    #[test]
    fn a_type_that_is_taken_in_another_form_than_answered_gets_a_second_name() {
        let mut components = Components::new();
        let taken = components.taken.subschema_for::<Plan>();
        let answered = components.answered.subschema_for::<Plan>();
        let mut paths =
            json!({ "/plans": { "post": { "requestBody": taken, "responses": answered } } });
        let schemas = components.finish(&mut paths);

        let names: Vec<_> = schemas.keys().map(String::as_str).collect();
        assert_eq!(names, ["Place", "Plan", "PlanInput", "Stop", "StopInput"]);
        assert_eq!(schemas["Stop"]["required"], json!(["demand"]));
        assert!(schemas["StopInput"].get("required").is_none());
        let stops = &schemas["PlanInput"]["properties"]["stops"]["items"]["$ref"];
        assert_eq!(stops, "#/components/schemas/StopInput");
        let post = &paths["/plans"]["post"];
        assert_eq!(post["requestBody"]["$ref"], "#/components/schemas/PlanInput");
        assert_eq!(post["responses"]["$ref"], "#/components/schemas/Plan");
    }
}
