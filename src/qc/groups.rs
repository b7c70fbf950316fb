//! Values by the group that they are of, such as a month of the year: a series in, the values of each group side by side out.

use std::ops::Range;

/// The groups of consecutive values, and where the values of each stand once they are brought together.
pub struct Groups {
    /// By value.
    of_values: Vec<u16>,
    /// By group, and the number of all values.
    starts: Vec<u32>,
}

/// Values by group, in room for one of each value that groups are known of.
pub struct Samples {
    values: Vec<f64>,
    starts: Vec<u32>,
    /// By group, behind its last value.
    ends: Vec<u32>,
}

impl Groups {
    /// The groups of values, each below `count`.
    #[must_use]
    pub fn new(count: usize, of_values: Vec<u16>) -> Self {
        let mut starts = vec![0; count + 1];
        for &group in &of_values {
            starts[usize::from(group) + 1] += 1;
        }
        for group in 0..count {
            starts[group + 1] += starts[group];
        }
        Self { of_values, starts }
    }

    /// The group of each value.
    #[must_use]
    pub fn of_values(&self) -> &[u16] {
        &self.of_values
    }

    /// Room for samples of these values.
    #[must_use]
    pub fn samples(&self) -> Samples {
        let ends = self.starts[..self.starts.len() - 1].to_vec();
        Samples { values: vec![0.0; self.of_values.len()], starts: self.starts.clone(), ends }
    }

    /// The values, one each; those that are NaN do not count.
    #[must_use]
    pub fn samples_of(&self, values: impl Iterator<Item = f64>) -> Samples {
        let mut samples = self.samples();
        for (&group, value) in self.of_values.iter().zip(values) {
            samples.push(group, value);
        }
        samples
    }
}

impl Samples {
    /// Adds a value to a group, unless it is NaN. A group takes no more than it has values.
    pub fn push(&mut self, group: u16, value: f64) {
        let end = &mut self.ends[usize::from(group)];
        // Written in any case, and kept by counting it: a branch would be taken as often as not.
        if let Some(room) = self.values.get_mut(*end as usize) {
            *room = value;
            *end += u32::from(!value.is_nan());
        }
    }

    /// Removes all values.
    pub fn clear(&mut self) {
        let groups = self.ends.len();
        self.ends.copy_from_slice(&self.starts[..groups]);
    }

    fn range(&self, group: usize) -> Range<usize> {
        self.starts[group] as usize..self.ends[group] as usize
    }

    /// The values of a group.
    #[must_use]
    pub fn of(&self, group: usize) -> &[f64] {
        &self.values[self.range(group)]
    }

    /// The same, to be put into another order.
    pub fn of_mut(&mut self, group: usize) -> &mut [f64] {
        let range = self.range(group);
        &mut self.values[range]
    }

    /// The values of several groups.
    #[must_use]
    pub fn of_all(&self, groups: impl Iterator<Item = usize>) -> Vec<f64> {
        groups.flat_map(|group| self.of(group)).copied().collect()
    }

    /// Leaves the values for which `keep`, with their group, says so.
    pub fn retain(&mut self, keep: impl Fn(usize, f64) -> bool) {
        for group in 0..self.ends.len() {
            let range = self.range(group);
            let mut end = range.start;
            for at in range {
                let value = self.values[at];
                self.values[end] = value;
                end += usize::from(keep(group, value));
            }
            self.ends[group] = end as u32;
        }
    }
}
