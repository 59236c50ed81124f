using System.Collections.Immutable;
using Microsoft.CodeAnalysis.Diagnostics;

namespace Kernels.Generators.Tests.Harness;

/// <summary>The analyzers of the generator's DLL, as a compiler finds them.</summary>
internal static class Analyzers
{
    /// <summary>One of each.</summary>
    public static ImmutableArray<DiagnosticAnalyzer> All { get; } =
    [
        .. typeof(AttentionKernelGenerator).Assembly.GetTypes()
            .Where(type => type.IsSubclassOf(typeof(DiagnosticAnalyzer)) && !type.IsAbstract)
            .OrderBy(type => type.FullName, StringComparer.Ordinal)
            .Select(type => (DiagnosticAnalyzer)Activator.CreateInstance(type)!),
    ];
}
