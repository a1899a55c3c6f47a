//! The end of a worker.

use super::*;

#[test]
fn a_worker_that_is_stopped_ends_its_sends_records_gives_back_and_signs_off() {
    let mut rig = Rig::holding(2);
    let sends = rig.read(&[0, 1], &[(0, &[1]), (1, &[2, 3])]);
    rig.worker.stop(rig.now);
    rig.waits();
    rig.sent(&sends[0]);
    rig.advance(&[(0, 1)]);
    rig.refused(&sends[1], 1);
    rig.advance(&[(1, 1)]);
    let Step::Release(leases) = rig.next() else { panic!("the leases should be given back") };
    assert_eq!(leases.iter().map(|lease| lease.sequence).collect::<Vec<_>>(), [1, 1]);
    rig.worker.on_released();
    assert_eq!(rig.next(), Step::End(Ending::Clean));
}

#[test]
fn a_worker_that_never_joined_ends_at_once() {
    let mut rig = Rig::new();
    rig.next();
    rig.worker.on_error(rig.now);
    rig.worker.stop(rig.now);
    assert_eq!(rig.next(), Step::End(Ending::Clean));
}

#[test]
fn a_worker_that_cannot_reach_the_log_gives_up_stopping_after_the_time_of_a_lease() {
    let mut rig = Rig::holding(2);
    rig.worker.stop(rig.now);
    let start = rig.now;
    loop {
        match rig.next() {
            Step::Wait(until) => rig.now = until,
            Step::End(ending) => {
                assert_eq!(ending, Ending::GaveUp { lanes: 2 });
                break;
            }
            _ => drop(rig.worker.on_error(rig.now)),
        }
    }
    assert_eq!(rig.now - start, SECOND * 10);
}
