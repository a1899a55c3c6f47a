//! Messages in flight: sent one behind the other, then acknowledged.

use crate::acks::{AckInbox, Answer, Silence};
use crate::error::no_answer;
use crate::link::Connection;
use crate::post::Post;
use async_nats::Subject;
use idp_application::PublishError;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Sends messages and gives the answer to each. In turn means that no others that are sent in turn
/// come between them. Dropped, it sends no further message; those that were sent are on their way, in
/// order.
pub(crate) async fn fly(
    connection: &Connection,
    posts: Vec<Post<'_>>,
    in_turn: bool,
    ack_timeout: Duration,
) -> Result<Vec<Answer>, PublishError> {
    let count = posts.len();
    let until = Instant::now() + ack_timeout;
    let before = connection.denials().count();
    let mut inbox = connection.inbox().await.map_err(no_answer)?;
    let mut subjects = Vec::with_capacity(count);
    let sent = timeout_at(until, send(connection, posts, in_turn, &mut inbox, &mut subjects));
    let silence = match sent.await {
        Ok(Ok(())) | Err(_) => Silence::Late,
        Ok(Err(_)) => Silence::Lost,
    };
    let mut answers = inbox.collect(&subjects, (connection.denials(), before), until).await;
    let is_complete = answers.iter().all(|answer| !matches!(answer, Answer::Unknown(_)));
    if is_complete {
        connection.put_back(inbox);
    }
    answers.resize_with(count, || Answer::Unknown(silence));
    Ok(answers)
}

async fn send(
    connection: &Connection,
    posts: Vec<Post<'_>>,
    in_turn: bool,
    inbox: &mut AckInbox,
    subjects: &mut Vec<Subject>,
) -> Result<(), async_nats::PublishError> {
    let _turn = if in_turn { Some(connection.turn.lock().await) } else { None };
    for Post { message, subject, headers, .. } in posts {
        let data = message.event.data.clone();
        subjects.push(subject.clone());
        let reply = inbox.expect();
        connection.client().publish_with_reply_and_headers(subject, reply, headers, data).await?;
    }
    Ok(())
}
