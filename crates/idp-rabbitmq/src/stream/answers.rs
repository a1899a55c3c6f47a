//! What the broker says about the messages of a round.

use super::error::Fault;
use super::wire::Incoming;
use idp_application::Message;

/// The answers to the messages of a round.
#[derive(Debug)]
pub(crate) struct Answers<'m> {
    messages: &'m [Message],
    /// Producer and number of each message. The numbers rise.
    entries: Vec<(u8, u64)>,
    answers: Vec<Option<Result<(), Fault>>>,
    /// How many have no answer.
    open: usize,
    /// The place behind that of the last answer: the broker mostly answers in order.
    next: usize,
}

impl<'m> Answers<'m> {
    /// No answers yet. The messages begin with those of the round, whose numbers rise.
    pub(crate) fn to(entries: Vec<(u8, u64)>, messages: &'m [Message]) -> Self {
        let answers = entries.iter().map(|_| None).collect();
        let open = entries.len();
        Self { messages, entries, answers, open, next: 0 }
    }

    /// Notes an answer; whether it was the last.
    pub(crate) fn take(&mut self, incoming: &Incoming) -> bool {
        match incoming {
            Incoming::Confirmed { publisher, ids } => {
                for id in ids {
                    self.note((*publisher, *id), Ok(()));
                }
            }
            Incoming::Failed { publisher, ids } => {
                for (id, code) in ids {
                    self.note((*publisher, *id), Err(Fault::of_code(*code)));
                }
            }
            Incoming::Gone { stream } => self.note_end(stream),
            _ => {}
        }
        self.open == 0
    }

    fn note(&mut self, entry: (u8, u64), answer: Result<(), Fault>) {
        let Some(index) = self.place(entry) else { return };
        self.next = index + 1;
        if self.answers[index].is_none() {
            self.answers[index] = Some(answer);
            self.open -= 1;
        }
    }

    fn place(&self, entry: (u8, u64)) -> Option<usize> {
        if self.entries.get(self.next) == Some(&entry) {
            return Some(self.next);
        }
        let found = self.entries.binary_search_by_key(&entry.1, |(_, number)| *number).ok();
        found.filter(|index| self.entries[*index] == entry)
    }

    /// What is open there will not be answered any more.
    fn note_end(&mut self, stream: &str) {
        for (answer, message) in self.answers.iter_mut().zip(self.messages) {
            if answer.is_none() && &*message.topic == stream {
                let why = "the stream was deleted or its leader has changed";
                *answer = Some(Err(Fault::Away(why.to_owned())));
                self.open -= 1;
            }
        }
    }

    /// How many, from the first, are confirmed.
    pub(crate) fn confirmed(&self) -> usize {
        self.answers.iter().take_while(|answer| matches!(answer, Some(Ok(())))).count()
    }

    /// What was answered to the first message that is not confirmed.
    pub(crate) fn into_fault(mut self) -> Option<Fault> {
        let first = self.confirmed();
        self.report_gaps(first);
        self.answers.get_mut(first)?.take()?.err()
    }

    /// The broker takes the messages of a frame in order, so that this does not happen. If it does, an
    /// operator must know: what was passed over counts as a duplicate from now on.
    fn report_gaps(&self, first: usize) {
        let Some((producer, number)) = self.entries.get(first) else {
            return;
        };
        let behind = self.entries.iter().zip(&self.answers).skip(first + 1);
        let passed = behind
            .filter(|((other, _), answer)| other == producer && matches!(answer, Some(Ok(()))))
            .count();
        if passed > 0 {
            let message = &self.messages[first];
            tracing::error!(
                stream = &*message.topic,
                number,
                event = %message.event.id,
                passed,
                "RabbitMQ has stored messages behind one that it did not confirm, and will take that \
                 one for a duplicate"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(count: u64) -> Answers<'static> {
        Answers::to((1..=count).map(|number| (7, number * 10)).collect(), &[])
    }

    #[test]
    fn only_what_is_confirmed_from_the_first_counts() {
        let mut answers = answers(4);
        let confirmed = |ids: &[u64]| Incoming::Confirmed { publisher: 7, ids: ids.to_vec() };
        assert!(!answers.take(&confirmed(&[20])));
        assert_eq!(answers.confirmed(), 0);
        // Of another producer, and of nobody.
        assert!(!answers.take(&Incoming::Confirmed { publisher: 6, ids: vec![10] }));
        assert!(!answers.take(&confirmed(&[11])));
        assert_eq!(answers.confirmed(), 0);
        assert!(!answers.take(&confirmed(&[10])));
        assert_eq!(answers.confirmed(), 2);
        assert!(!answers.take(&Incoming::Failed { publisher: 7, ids: vec![(30, 0x10)] }));
        assert!(answers.take(&confirmed(&[40])));
        assert_eq!(answers.confirmed(), 2);
    }
}
