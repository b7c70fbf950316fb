//! The values of a window in two halves: values enter and leave, their median and its deviation come out.

/// Rank of a slot without a value.
const MISSING: u32 = u32::MAX;

/// The lower and the upper half of a window's values, of which the lower holds one more if their number is odd.
#[derive(Debug, Default)]
pub(super) struct Halves {
    /// All values that any window of the block holds, sorted.
    sorted: Vec<f64>,
    /// Rank of each slot among them, each its own.
    ranks: Vec<u32>,
    lower: Counts,
    upper: Counts,
    order: Vec<(f64, u32)>,
}

/// How many values lie in each part of the ranks: a complete binary tree, as in a heap. The node `n` has the children `2n` and
/// `2n + 1`; the leaves are the ranks.
#[derive(Debug, Default)]
struct Counts {
    nodes: Vec<u32>,
    leaves: usize,
}

impl Halves {
    /// Empties the halves and sorts the values that can enter them, a slot each; `None` never does.
    pub fn reset(&mut self, values: impl Iterator<Item = Option<f64>>) {
        self.order.clear();
        self.ranks.clear();
        for (slot, value) in (0..).zip(values) {
            self.ranks.push(MISSING);
            self.order.extend(value.map(|value| (value, slot)));
        }
        self.order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        self.sorted.clear();
        for (rank, &(value, slot)) in (0..).zip(&self.order) {
            self.ranks[slot as usize] = rank;
            self.sorted.push(value);
        }
        self.lower.reset(self.sorted.len());
        self.upper.reset(self.sorted.len());
    }

    /// Number of values in the window.
    pub fn len(&self) -> usize {
        self.lower.len() + self.upper.len()
    }

    pub fn insert(&mut self, slot: usize) {
        let rank = self.ranks[slot];
        if rank == MISSING {
            return;
        }
        let rank = rank as usize;
        if self.lower.last().is_none_or(|last| rank < last) {
            self.lower.add(rank);
        } else {
            self.upper.add(rank);
        }
        self.balance();
    }

    pub fn remove(&mut self, slot: usize) {
        let rank = self.ranks[slot];
        if rank == MISSING {
            return;
        }
        let rank = rank as usize;
        if self.lower.last().is_some_and(|last| rank <= last) {
            self.lower.subtract(rank);
        } else {
            self.upper.subtract(rank);
        }
        self.balance();
    }

    /// Moves a value at the middle, so that the lower half holds as many values as the upper one or one more.
    fn balance(&mut self) {
        if self.lower.len() > self.upper.len() + 1
            && let Some(rank) = self.lower.last()
        {
            self.lower.subtract(rank);
            self.upper.add(rank);
        } else if self.lower.len() < self.upper.len()
            && let Some(rank) = self.upper.first()
        {
            self.upper.subtract(rank);
            self.lower.add(rank);
        }
    }

    /// The median and the median absolute deviation from it; `None` for an empty window.
    pub fn median_and_mad(&self) -> Option<(f64, f64)> {
        let low = self.sorted[self.lower.last()?];
        let count = self.len();
        let odd = count % 2 == 1;
        let median = match self.upper.first() {
            Some(high) if !odd => f64::midpoint(low, self.sorted[high]),
            _ => low,
        };
        let middle = self.deviation(median, count / 2)?;
        let mad = if odd { middle } else { f64::midpoint(self.deviation(median, count / 2 - 1)?, middle) };
        Some((median, mad))
    }

    /// The deviation from the median of that rank, 0 for the least.
    ///
    /// Both halves are sorted by their distance from the median, the lower one from its end. At each step the near part of the
    /// one or the far part of the other is known not to hold the deviation: one of the two descents goes a level down.
    fn deviation(&self, median: f64, mut rank: usize) -> Option<f64> {
        let distance = |at: usize| (self.sorted[at] - median).abs();
        let (mut a, mut b) = (Subtree::root(&self.lower), Subtree::root(&self.upper));
        loop {
            if b.len() == 0 {
                return a.nth_from_end(rank).map(distance);
            }
            if a.len() == 0 {
                return b.nth(rank).map(distance);
            }
            if a.is_leaf() {
                let own = distance(a.nth(0)?);
                let next = b.nth(rank).map_or(f64::INFINITY, distance);
                let before = rank.checked_sub(1).and_then(|rank| b.nth(rank)).map_or(0.0, distance);
                return Some(own.clamp(before, next));
            }
            if b.is_leaf() {
                let own = distance(b.nth(0)?);
                let next = a.nth_from_end(rank).map_or(f64::INFINITY, distance);
                let before = rank.checked_sub(1).and_then(|rank| a.nth_from_end(rank)).map_or(0.0, distance);
                return Some(own.clamp(before, next));
            }
            let (a_far, a_near) = a.children();
            let (b_near, b_far) = b.children();
            // What is near lies within these distances, what is far beyond them. A negative one, on the other side of the median,
            // has nothing within it.
            let a_split = median - self.first_value(&a_near);
            let b_split = self.first_value(&b_far) - median;
            if a_near.len() + b_near.len() > rank {
                if a_split >= b_split { a = a_near } else { b = b_near }
            } else if a_split <= b_split {
                rank -= a_near.len();
                a = a_far;
            } else {
                rank -= b_near.len();
                b = b_far;
            }
        }
    }

    /// The value of the first rank of a subtree; infinite where it lies beyond all values.
    fn first_value(&self, tree: &Subtree<'_>) -> f64 {
        self.sorted.get(tree.first_rank()).copied().unwrap_or(f64::INFINITY)
    }
}

impl Counts {
    fn reset(&mut self, ranks: usize) {
        self.leaves = ranks.next_power_of_two();
        self.nodes.clear();
        self.nodes.resize(2 * self.leaves, 0);
    }

    fn len(&self) -> usize {
        self.nodes.get(1).map_or(0, |count| *count as usize)
    }

    fn add(&mut self, rank: usize) {
        let mut node = self.leaves + rank;
        while node > 0 {
            self.nodes[node] += 1;
            node /= 2;
        }
    }

    fn subtract(&mut self, rank: usize) {
        let mut node = self.leaves + rank;
        while node > 0 {
            self.nodes[node] -= 1;
            node /= 2;
        }
    }

    /// The least rank that is held.
    fn first(&self) -> Option<usize> {
        Subtree::root(self).nth(0)
    }

    /// The greatest rank that is held.
    fn last(&self) -> Option<usize> {
        Subtree::root(self).nth_from_end(0)
    }
}

/// The ranks below a node.
#[derive(Clone, Copy)]
struct Subtree<'a> {
    counts: &'a Counts,
    node: usize,
}

impl<'a> Subtree<'a> {
    fn root(counts: &'a Counts) -> Self {
        Self { counts, node: 1 }
    }

    fn len(&self) -> usize {
        self.counts.nodes.get(self.node).map_or(0, |count| *count as usize)
    }

    fn is_leaf(&self) -> bool {
        self.node >= self.counts.leaves
    }

    /// The lower and the upper half of its ranks.
    fn children(&self) -> (Self, Self) {
        (Self { node: 2 * self.node, ..*self }, Self { node: 2 * self.node + 1, ..*self })
    }

    /// The first rank that can lie in it.
    fn first_rank(&self) -> usize {
        let depth = self.counts.leaves.ilog2() - self.node.ilog2();
        (self.node << depth) - self.counts.leaves
    }

    /// The held rank with `n` held ranks before it.
    fn nth(self, mut n: usize) -> Option<usize> {
        if n >= self.len() {
            return None;
        }
        let mut tree = self;
        while !tree.is_leaf() {
            let (low, high) = tree.children();
            if n < low.len() {
                tree = low;
            } else {
                n -= low.len();
                tree = high;
            }
        }
        Some(tree.node - tree.counts.leaves)
    }

    /// The held rank with `n` held ranks after it.
    fn nth_from_end(self, n: usize) -> Option<usize> {
        self.nth(self.len().checked_sub(n + 1)?)
    }
}
