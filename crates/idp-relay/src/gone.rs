//! Messages that are left out of a send because nobody can read them any more.

use idp_application::Message;

/// Which messages of a send these are, by their places in it, rising.
#[derive(Debug, Default)]
pub(crate) struct Gone(Vec<usize>);

impl Gone {
    pub(crate) fn add(&mut self, place: usize) {
        self.0.push(place);
    }

    /// Takes them out of the messages of the send.
    pub(crate) fn leave_out(&self, messages: &mut Vec<Message>) {
        let mut place = 0..;
        let is_left = |place: usize| self.0.binary_search(&place).is_err();
        messages.retain(|_| place.next().is_some_and(is_left));
    }

    /// How many messages of the send, from the first, are done when the bus has taken so many of those
    /// that are left: what is gone before the next one is done, too.
    pub(crate) fn done(&self, accepted: usize) -> usize {
        self.0.iter().fold(accepted, |done, place| if *place <= done { done + 1 } else { done })
    }

    /// How many of them stand among so many messages from the first.
    pub(crate) fn among(&self, done: usize) -> u64 {
        let count = self.0.iter().filter(|place| **place < done).count();
        u64::try_from(count).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_is_done_with_what_stands_before_it() {
        let gone = Gone(vec![0, 1, 4]);
        let done: Vec<_> = (0..4).map(|accepted| gone.done(accepted)).collect();
        assert_eq!(done, [2, 3, 5, 6]);
        let among: Vec<_> = [0, 1, 2, 4, 5].map(|done| gone.among(done)).into();
        assert_eq!(among, [0, 1, 2, 2, 3]);
        assert_eq!(Gone::default().done(7), 7);
    }
}
