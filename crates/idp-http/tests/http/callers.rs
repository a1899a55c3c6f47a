//! For whom a handler works: tenant, actor, trace; and the issuer for development.

use crate::client::{Answer, get, send};
use axum::extract::FromRef;
use axum::{Router, routing};
use idp_application::{Actor, Clock, ManualClock, TraceContext};
use idp_domain::{EventRecord, TenantId, Timestamp};
use idp_http::{Authenticator, Caller, DevIssuer, Json};
use std::sync::Arc;
use std::time::Duration;

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// The tenant, or the status and code of the problem.
type Told = Result<&'static str, (u16, &'static str)>;

const HOUR: Duration = Duration::from_secs(3600);

#[derive(Clone)]
struct Service {
    authenticator: Authenticator,
}

impl FromRef<Service> for Authenticator {
    fn from_ref(service: &Service) -> Self {
        service.authenticator.clone()
    }
}

fn tenant(name: &str) -> TenantId {
    TenantId::new(name).expect("a tenant")
}

fn ann() -> Actor {
    Actor::new("ann")
}

fn routes(issuer: &DevIssuer) -> Router {
    let whoami = async |Caller(context): Caller| {
        let mut metadata = context.metadata().clone();
        metadata.insert("tenant".to_owned(), context.tenant().to_string());
        Json(metadata)
    };
    let state = Service { authenticator: issuer.authenticator() };
    Router::new().route("/", routing::get(whoami)).with_state(state)
}

async fn ask(issuer: &DevIssuer, token: &str, selected: &[&str]) -> Answer {
    let request = get("/").header("authorization", format!("Bearer {token}"));
    let request = selected.iter().fold(request, |request, name| request.header("x-tenant", *name));
    send(routes(issuer), request.body("").expect("a request")).await
}

#[tokio::test]
async fn the_context_holds_who_for_whom_and_in_which_trace() {
    let issuer = DevIssuer::default();
    let token = issuer.token(&tenant("acme"), &ann(), HOUR);
    let request = get("/")
        .header("authorization", format!("Bearer {token}"))
        .header("traceparent", TRACE)
        .header("x-request-id", "r-17");
    let answer = send(routes(&issuer), request.body("").unwrap()).await.json();
    assert_eq!(answer["tenant"], "acme");
    assert_eq!(answer[EventRecord::ACTOR], "ann");
    assert_eq!(answer[EventRecord::TRACE_PARENT], TRACE);
    assert_eq!(answer[EventRecord::CORRELATION_ID], "r-17");
}

#[tokio::test]
async fn a_trace_that_is_not_valid_is_left_out_and_a_new_one_begins() {
    let issuer = DevIssuer::default();
    let token = issuer.token(&tenant("acme"), &ann(), HOUR);
    let ask = async |parent: &str| {
        let request = get("/")
            .header("authorization", format!("Bearer {token}"))
            .header("traceparent", parent)
            .header("tracestate", "congo=t61rcWkgMzE")
            .header("tracestate", "rojo=00f067aa0ba902b7");
        let request = request.body("").expect("a request");
        send(routes(&issuer), request).await.json()
    };
    let answer = ask(TRACE).await;
    assert_eq!(answer[EventRecord::TRACE_PARENT], TRACE);
    assert_eq!(answer[EventRecord::TRACE_STATE], "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7");
    let answer = ask("00-broken-01").await;
    let begun = answer[EventRecord::TRACE_PARENT].as_str().expect("a new trace");
    assert!(TraceContext::parse(begun, []).is_some(), "{begun}");
    assert!(answer.get(EventRecord::TRACE_STATE).is_none(), "it is of the trace that was refused");
    let other = ask("00-broken-01").await;
    assert_ne!(other[EventRecord::TRACE_PARENT], begun);
}

#[tokio::test]
async fn the_token_decides_on_the_tenant_and_a_header_only_selects() {
    let issuer = DevIssuer::default();
    let one = issuer.token(&tenant("acme"), &ann(), HOUR);
    let two = issuer.token_for_tenants(&[tenant("acme"), tenant("globex")], &ann(), HOUR);
    let none = issuer.token_for_tenants(&[], &ann(), HOUR);
    let table: [(&str, &[&str], Told); 11] = [
        (&one, &[], Ok("acme")),
        (&one, &["acme"], Ok("acme")),
        (&one, &["globex"], Err((403, "foreign_tenant"))),
        (&two, &["globex"], Ok("globex")),
        (&two, &[], Err((400, "tenant_required"))),
        (&two, &["initech"], Err((403, "foreign_tenant"))),
        (&two, &["ACME"], Err((403, "foreign_tenant"))),
        (&two, &["*"], Err((403, "foreign_tenant"))),
        (&two, &["acme", "globex"], Err((403, "foreign_tenant"))),
        (&none, &[], Err((403, "no_tenant"))),
        (&none, &["acme"], Err((403, "no_tenant"))),
    ];
    for (token, selected, expected) in table {
        let answer = ask(&issuer, token, selected).await;
        match expected {
            Ok(tenant) => assert_eq!(answer.json()["tenant"], tenant, "{selected:?}"),
            Err((status, code)) => {
                let told = (answer.status.as_u16(), answer.problem());
                assert_eq!(told, (status, code.to_owned()), "{selected:?}");
            }
        }
    }
}

#[tokio::test]
async fn tokens_of_the_development_issuer_expire() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_unix_micros(1_800_000_000_000_000)));
    let issuer = DevIssuer::new(Arc::clone(&clock) as Arc<dyn Clock>);
    let token = issuer.token(&tenant("acme"), &ann(), Duration::from_secs(60));
    assert_eq!(ask(&issuer, &token, &[]).await.status.as_u16(), 200);
    clock.set(Timestamp::from_unix_micros(1_800_000_090_000_000));
    assert_eq!(ask(&issuer, &token, &[]).await.problem(), "invalid_token");
}

#[tokio::test]
async fn a_development_issuer_knows_only_its_own_tokens() {
    let (issuer, other) = (DevIssuer::default(), DevIssuer::default());
    let token = other.token(&tenant("acme"), &ann(), HOUR);
    assert_eq!(ask(&issuer, &token, &[]).await.problem(), "invalid_token");
}
