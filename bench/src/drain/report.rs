//! The tables.

use std::time::Duration;

pub(crate) struct Measured {
    pub(crate) drained: u64,
    pub(crate) took: Duration,
    pub(crate) wal: u64,
    pub(crate) dead: u64,
}

impl Measured {
    #[expect(clippy::cast_precision_loss, reason = "some millions")]
    fn per_second(&self) -> f64 {
        self.drained as f64 / self.took.as_secs_f64().max(1e-9)
    }

    #[expect(clippy::cast_precision_loss, reason = "some millions")]
    fn per_event(&self, number: u64) -> f64 {
        number as f64 / self.drained.max(1) as f64
    }
}

pub(crate) struct Row {
    pub(crate) contender: &'static str,
    pub(crate) measured: Measured,
}

pub(crate) fn begin() {
    println!(
        "\n| backlog | workers | old snapshot | contender | events/s | idp : this | WAL bytes/event | dead tuples/event |"
    );
    println!("|---:|---:|---|---|---:|---:|---:|---:|");
}

pub(crate) fn cell(backlog: u64, workers: u16, old_snapshot: bool, rows: &[Row]) {
    let ours = rows.iter().find(|row| row.contender == "idp");
    let ours = ours.map_or(f64::NAN, |row| row.measured.per_second());
    for Row { contender, measured } in rows {
        let held = if old_snapshot { "held" } else { "none" };
        let rate = measured.per_second();
        println!(
            "| {backlog} | {workers} | {held} | {contender} | {rate:.0} | {:.2} | {:.1} | {:.2} |",
            ours / rate,
            measured.per_event(measured.wal),
            measured.per_event(measured.dead),
        );
    }
}
