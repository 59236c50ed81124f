namespace Kernels.Paging.Tests.Histories;

/// <summary>Fails, when told to, in one of the next moves.</summary>
internal sealed class FaultyStore(IPageStore store) : IPageStore
{
    /// <summary>Moves that still succeed; negative: all.</summary>
    public int Countdown { get; set; } = -1;

    public void Copy(int source, int target)
    {
        Count();
        store.Copy(source, target);
    }

    public void Save(int page, int slot)
    {
        Count();
        store.Save(page, slot);
    }

    public void Load(int slot, int page)
    {
        Count();
        store.Load(slot, page);
    }

    private void Count()
    {
        if (Countdown == 0)
        {
            throw new InjectedFaultException();
        }

        Countdown--;
    }
}
