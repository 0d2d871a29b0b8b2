//! A VM's metric ids in, operations on the shared stats out, with Envoy's rules and statuses.

use super::StatStore;
use super::stat::{MetricType, Stat};
use crate::status::Status;
use std::sync::Arc;

/// The metric ids of one VM.
///
/// Every definition makes a new id (step 4), also for a name that is known: it is then bound to the same stat.
#[derive(Debug)]
pub struct MetricTable {
    store: Arc<StatStore>,
    /// Per type, in the order of definition.
    defined: [Vec<Stat>; 3],
}

impl MetricTable {
    /// A table without ids over a store.
    pub fn new(store: Arc<StatStore>) -> Self {
        Self { store, defined: [Vec::new(), Vec::new(), Vec::new()] }
    }

    /// Binds a new id to the stat of this name: counters get 4, 8, …, gauges 5, 9, …, histograms 6, 10, ….
    pub fn define(&mut self, metric: MetricType, name: &[u8]) -> u32 {
        let stat = self.store.stat(metric, name);
        let list = self.list(metric);
        list.push(stat);
        (list.len() as u32) << 2 | metric as u32
    }

    /// Adds to a counter (more than 0) or a gauge (wraps below 0).
    pub fn increment(&self, id: u32, offset: i64) -> Status {
        match (MetricType::from_abi(id & 3), self.find(id)) {
            (Some(MetricType::Histogram) | None, _) => Status::BadArgument,
            (_, None) => Status::NotFound,
            (_, Some(Stat::Counter(_))) if offset <= 0 => Status::BadArgument,
            (_, Some(stat)) => {
                stat.add(offset as u64);
                Status::Ok
            }
        }
    }

    /// Adds to a counter, sets a gauge, records into a histogram.
    pub fn record(&self, id: u32, value: u64) -> Status {
        match self.find(id) {
            None => Status::NotFound,
            Some(stat) => {
                stat.record(value);
                Status::Ok
            }
        }
    }

    /// The value of a counter or gauge, over all VMs.
    pub fn get(&self, id: u32) -> Result<u64, Status> {
        match (MetricType::from_abi(id & 3), self.find(id)) {
            (Some(MetricType::Histogram) | None, _) => Err(Status::BadArgument),
            (_, None) => Err(Status::NotFound),
            (_, Some(stat)) => stat.value().ok_or(Status::BadArgument),
        }
    }

    fn find(&self, id: u32) -> Option<&Stat> {
        let list = self.defined.get((id & 3) as usize)?;
        list.get(((id >> 2) as usize).checked_sub(1)?)
    }

    fn list(&mut self, metric: MetricType) -> &mut Vec<Stat> {
        let [counters, gauges, histograms] = &mut self.defined;
        match metric {
            MetricType::Counter => counters,
            MetricType::Gauge => gauges,
            MetricType::Histogram => histograms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Status::{BadArgument, NotFound, Ok as Done};

    fn table() -> MetricTable {
        MetricTable::new(Arc::new(StatStore::default()))
    }

    #[test]
    fn every_definition_makes_a_new_id_bound_to_the_same_stat() {
        let mut table = table();
        let ids: Vec<_> = (0..2).map(|_| table.define(MetricType::Counter, b"c")).collect();
        assert_eq!(ids, [4, 8]);
        assert_eq!(table.define(MetricType::Gauge, b"g"), 5);
        assert_eq!(table.define(MetricType::Histogram, b"h"), 6);
        assert_eq!((table.increment(4, 2), table.increment(8, 3)), (Done, Done));
        assert_eq!((table.get(4), table.get(8)), (Ok(5), Ok(5)));
    }

    #[test]
    fn a_counter_refuses_zero_and_negatives_and_record_adds() {
        let mut table = table();
        let id = table.define(MetricType::Counter, b"c");
        assert_eq!((table.increment(id, 0), table.increment(id, -1)), (BadArgument, BadArgument));
        assert_eq!((table.record(id, 0), table.record(id, 5), table.increment(id, 1)), (Done, Done, Done));
        assert_eq!(table.get(id), Ok(6));
    }

    #[test]
    fn a_gauge_adds_sets_and_wraps() {
        let mut table = table();
        let id = table.define(MetricType::Gauge, b"g");
        assert_eq!(
            (table.increment(id, 0), table.increment(id, 5), table.increment(id, -7)),
            (Done, Done, Done)
        );
        assert_eq!(table.get(id), Ok(18446744073709551614));
        assert_eq!((table.record(id, 0), table.increment(id, i64::MIN)), (Done, Done));
        assert_eq!(table.get(id), Ok(9223372036854775808));
    }

    #[test]
    fn a_histogram_only_records() {
        let mut table = table();
        let id = table.define(MetricType::Histogram, b"h");
        assert_eq!(
            (table.increment(id, 1), table.get(id), table.record(id, 1)),
            (BadArgument, Err(BadArgument), Done)
        );
    }

    /// (id, increment, record, get) on Envoy 1.40.0.
    #[test]
    fn unknown_ids_get_envoys_statuses() {
        for id in [4000, 4001, 0, 1] {
            let table = table();
            assert_eq!(
                (table.increment(id, 1), table.record(id, 1), table.get(id)),
                (NotFound, NotFound, Err(NotFound))
            );
        }
        for id in [4002, 4003, 2, 3] {
            let table = table();
            let got = (table.increment(id, 1), table.record(id, 1), table.get(id));
            assert_eq!(got, (BadArgument, NotFound, Err(BadArgument)), "{id}");
        }
    }

    #[test]
    fn one_name_as_two_types_is_two_stats() {
        let mut table = table();
        let (counter, gauge) =
            (table.define(MetricType::Counter, b"x"), table.define(MetricType::Gauge, b"x"));
        table.increment(counter, 2);
        assert_eq!((table.get(counter), table.get(gauge)), (Ok(2), Ok(0)));
    }
}
