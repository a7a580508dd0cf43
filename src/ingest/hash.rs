//! The SHA-256 of a file's bytes while they pass. It takes longer than judging the text does, so that of a large file
//! a thread of its own does it where one is idle; what is hashed is what was read, in both cases.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use sha2::{Digest, Sha256};

/// From this many bytes on a thread is worth its start.
pub const LARGE: u64 = 4 << 20;
/// How much is handed over in one go, and how many of them may wait.
const PIECE: usize = 256 << 10;
const WAITING: usize = 4;

/// Where a large file is hashed. A thread of its own is worth it where a core is idle; else it only costs copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hashing {
    /// Block by block, as they are read.
    Here,
    /// By a thread beside the one that reads.
    Beside,
}

pub(super) struct Hash(Way);

enum Way {
    Here(Sha256),
    There(Beside),
}

struct Beside {
    piece: Vec<u8>,
    pieces: SyncSender<Vec<u8>>,
    /// Pieces that are hashed, to be filled again.
    spare: Receiver<Vec<u8>>,
    thread: JoinHandle<Sha256>,
}

impl Hash {
    /// For about so many bytes.
    pub fn of(bytes: u64, hashing: Hashing) -> Self {
        let beside = if bytes < LARGE || hashing == Hashing::Here { None } else { Beside::start() };
        Self(beside.map_or_else(|| Way::Here(Sha256::new()), Way::There))
    }

    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            Way::Here(hash) => hash.update(bytes),
            Way::There(beside) => beside.update(bytes),
        }
    }

    /// In hex.
    pub fn finish(self) -> String {
        hex(match self.0 {
            Way::Here(hash) => hash,
            Way::There(beside) => beside.finish(),
        })
    }
}

impl Beside {
    /// `None` where the system gives no thread.
    fn start() -> Option<Self> {
        let (pieces, taken) = sync_channel::<Vec<u8>>(WAITING);
        let (done, spare) = sync_channel(WAITING + 2);
        let work = move || {
            let mut hash = Sha256::new();
            for mut piece in taken {
                hash.update(&piece);
                piece.clear();
                // Nobody takes it back once all are handed over.
                let _ = done.try_send(piece);
            }
            hash
        };
        let thread = Builder::new().name("sha256".to_string()).spawn(work).ok()?;
        Some(Self { piece: Vec::with_capacity(PIECE), pieces, spare, thread })
    }

    fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PIECE - self.piece.len()));
            self.piece.extend_from_slice(now);
            bytes = later;
            if self.piece.len() == PIECE {
                let next = self.spare.try_recv().unwrap_or_else(|_| Vec::with_capacity(PIECE));
                // Fails only if the thread is gone, which `finish` passes on.
                let _ = self.pieces.send(std::mem::replace(&mut self.piece, next));
            }
        }
    }

    fn finish(self) -> Sha256 {
        let Self { piece, pieces, thread, .. } = self;
        let _ = pieces.send(piece);
        drop(pieces);
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

pub(super) fn hex(hash: Sha256) -> String {
    hash.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
        hex.extend([byte >> 4, byte & 15].map(|n| char::from_digit(u32::from(n), 16).unwrap_or('0')));
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_of_its_own_finds_the_same_hash_however_the_bytes_come() {
        let bytes: Vec<u8> = (0..7 * PIECE + 3).map(|i| u8::try_from(i * 31 % 251).expect("below 251")).collect();
        let expected = hex(Sha256::new_with_prefix(&bytes));
        for length in [1000, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, bytes.len()] {
            for size in [0, LARGE] {
                let mut hash = Hash::of(size, Hashing::Beside);
                bytes.chunks(length).for_each(|piece| hash.update(piece));
                assert_eq!(hash.finish(), expected, "pieces of {length}, {size} bytes said");
            }
        }
        assert_eq!(Hash::of(LARGE, Hashing::Beside).finish(), hex(Sha256::new()));
    }
}
