using CsCheck;

namespace Kernels.Paging.Tests.Histories;

internal enum Operation
{
    Create,
    Append,
    AppendToSeveral,
    Fork,
    Truncate,
    Release,
    Publish,
    Adopt,
    SwapOut,
    SwapIn,
    Fault,
}
