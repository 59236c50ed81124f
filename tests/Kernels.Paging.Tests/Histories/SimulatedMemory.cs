namespace Kernels.Paging.Tests.Histories;

/// <summary>Pages in an array. Notes what was moved.</summary>
internal sealed class SimulatedMemory(int pages, int pageSize) : IPageMemory
{
    private readonly long[] contents = new long[pages * pageSize];
    private readonly Dictionary<int, long[]> saved = [];

    public List<(int Source, int Target)> Copies { get; } = [];

    public List<(int Page, int Slot)> Saves { get; } = [];

    public List<(int Slot, int Page)> Loads { get; } = [];

    public void Write(int slot, long value) => contents[slot] = value;

    public ReadOnlySpan<long> ReadAll() => contents;

    public void Copy(int source, int target)
    {
        Copies.Add((source, target));
        Page(source).CopyTo(Page(target));
    }

    public void Save(int page, int slot)
    {
        Saves.Add((page, slot));
        saved[slot] = Page(page).ToArray();
    }

    public void Load(int slot, int page)
    {
        Loads.Add((slot, page));
        saved[slot].CopyTo(Page(page));
    }

    private Span<long> Page(int page) => contents.AsSpan(page * pageSize, pageSize);
}
