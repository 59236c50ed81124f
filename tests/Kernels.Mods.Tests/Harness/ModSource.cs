using Kernels.Compiler.Specs;
using Kernels.Generators.Mods;
using Kernels.Generators.Parsing;
using Kernels.Generators.Tests.Harness;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Kernels.Mods.Tests.Harness;

/// <summary>Mods as a user would write them, inside a spec type called Spec.</summary>
internal static class ModSource
{
    /// <summary>A program whose spec has these members.</summary>
    public static string Program(string members) => $$"""
        using System;
        using Kernels;

        [AttentionKernel(queryHeads: 8, kvHeads: 2, headDim: 64)]
        public sealed partial class Spec
        {
        {{members}}
        }
        """;

    /// <summary>Reads the mods of a program's Spec.</summary>
    public static ModReading Read(CSharpCompilation compilation)
    {
        INamedTypeSymbol type = compilation.GetTypeByMetadataName("Spec")!;
        AttentionSpec spec = SpecParser.ParseSpec(type, SpecParser.FindAttribute(type)!)!;
        return ModReader.Read(type, spec, compilation, CancellationToken.None);
    }

    /// <summary>Reads mods that are expected to be valid.</summary>
    public static ModReading ReadValid(string members)
    {
        CSharpCompilation compilation = new UserProgram(Program(members)).Compile();
        ModReading reading = Read(compilation);
        Assert.Empty(reading.Findings.Select(finding =>
            $"{finding.Rule.Id} "
                + $"{string.Format(System.Globalization.CultureInfo.InvariantCulture, finding.Rule.Message, finding.Arguments.ToObjects())}"));
        Assert.True(reading.IsValid, string.Join("\n", compilation.GetDiagnostics()) + "\n" + members);
        return reading;
    }

    /// <summary>The OpenCL C text of the one mod that the members have.</summary>
    public static string Text(string members)
    {
        ModReading reading = ReadValid(members);
        return Assert.Single(new[] { reading.Score, reading.Mask }.OfType<ModFunction>()).Source;
    }
}
