namespace Kernels.Paging.Tests.Histories;

/// <summary>A page store whose contents a test can write and read: one number for each token.</summary>
internal interface IPageMemory : IPageStore
{
    void Write(int slot, long value);

    /// <summary>All pages as they are now.</summary>
    ReadOnlySpan<long> ReadAll();
}
