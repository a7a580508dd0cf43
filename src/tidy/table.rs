//! Who was met before with the same key: a table of numbers, for what stands elsewhere.

/// Part of a key, and the number of whoever has it plus one.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    tag: u32,
    number: u32,
}

/// Its room is used again for every partition.
#[derive(Debug, Default)]
pub(super) struct Table {
    slots: Vec<Slot>,
}

impl Table {
    /// For so many that none is met yet of.
    pub fn clear_for(&mut self, count: usize) {
        self.slots.clear();
        self.slots.resize((count * 2).next_power_of_two().max(2), Slot::default());
    }

    /// The first met with this key, if it is not this one. `hash` and `tag` are any bits of the key; `is_of` says whether
    /// the key is that of a number met before.
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "any bits do")]
    pub fn meet(&mut self, hash: u64, tag: u32, number: u32, is_of: impl Fn(u32) -> bool) -> Option<u32> {
        let last = self.slots.len() - 1;
        let mut at = hash as usize & last;
        loop {
            let slot = &mut self.slots[at];
            if slot.number == 0 {
                *slot = Slot { tag, number: number + 1 };
                return None;
            }
            let first = slot.number - 1;
            if slot.tag == tag && is_of(first) {
                return Some(first);
            }
            at = (at + 1) & last;
        }
    }
}
