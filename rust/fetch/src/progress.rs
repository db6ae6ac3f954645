//! The share of one download in a progress that several downloads may report to.

use scratchrs_fs::Progress;

/// The progress reported of one download, which can be withdrawn.
pub(crate) struct DownloadProgress<'a> {
    progress: &'a Progress,
    done: u64,
    total: u64,
}

impl<'a> DownloadProgress<'a> {
    pub(crate) fn new(progress: &'a Progress) -> Self {
        Self { progress, done: 0, total: 0 }
    }

    /// Sets the total of this download.
    pub(crate) fn set_total(&mut self, total: u64) {
        let total = total.max(self.done);
        self.progress.expect(total.saturating_sub(self.total));
        self.progress.take_back(0, self.total.saturating_sub(total));
        self.total = total;
    }

    /// Adds finished bytes; raises the total if they exceed it.
    pub(crate) fn advance(&mut self, more: u64) {
        self.done += more;
        self.set_total(self.total);
        self.progress.advance(more);
    }

    /// Starts again from zero.
    pub(crate) fn restart(&mut self) {
        self.progress.take_back(self.done, 0);
        self.done = 0;
    }

    /// Withdraws all that was reported.
    pub(crate) fn withdraw(&mut self) {
        self.restart();
        self.set_total(0);
    }
}
