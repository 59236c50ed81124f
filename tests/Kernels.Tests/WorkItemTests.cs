using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Xunit;

namespace Kernels.Tests;

/// <summary>A work item is one thing to host and kernels: the record's fields are those that kernels declare, in their order.</summary>
public sealed partial class WorkItemTests
{
    [Fact]
    public void TheRecordHasTheFieldsThatKernelsRead() => Assert.Equal(
        KernelContract.WorkItemFields.Select(field => field.Name),
        typeof(WorkItem).GetConstructors().Single().GetParameters().Select(parameter => Capital().Replace(parameter.Name!, "_$0").TrimStart('_').ToLowerInvariant()));

    [Fact]
    public void ItHasAsManyInts()
    {
        Assert.Equal(KernelContract.WorkItemInts, KernelContract.WorkItemFields.Count);
        Assert.Equal(KernelContract.WorkItemInts * sizeof(int), Unsafe.SizeOf<WorkItem>());
    }

    [GeneratedRegex("[A-Z]")]
    private static partial Regex Capital();
}
