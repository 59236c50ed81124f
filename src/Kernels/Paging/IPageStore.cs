namespace Kernels;

/// <summary>
/// Moves the contents of a <see cref="PagePool"/>'s pages; the pool itself only counts them. The pool calls a method before it
/// changes anything on account of the move, so that an exception out of one leaves the pool as it was. A move may be enqueued
/// rather than done, provided that moves and everything else that reads or writes pages happen in the order of the calls.
/// </summary>
public interface IPageStore
{
    /// <summary>Copies a whole page to another: a sequence is about to write into a page that others read too.</summary>
    /// <param name="source">The page to copy; unchanged.</param>
    /// <param name="target">The page to overwrite.</param>
    void Copy(int source, int target);

    /// <summary>Saves a page's contents outside the pool; the page is then given to others.</summary>
    /// <param name="page">The page.</param>
    /// <param name="slot">
    /// The number under which the contents will be asked for: a small int, reused once its contents were loaded or given up.
    /// </param>
    void Save(int page, int slot);

    /// <summary>Brings saved contents back, as often as asked for until the next <see cref="Save"/> under the same number.</summary>
    /// <param name="slot">The number under which the contents were saved.</param>
    /// <param name="page">The page to overwrite; not always the one that they were saved from.</param>
    void Load(int slot, int page);
}
