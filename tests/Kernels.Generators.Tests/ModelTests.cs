using System.Collections;
using System.Reflection;
using Kernels.Generators.Parsing;
using Kernels.Generators.Tests.Harness;
using Microsoft.CodeAnalysis;

namespace Kernels.Generators.Tests;

/// <summary>What the pipeline keeps between runs: values only, so that no compilation stays alive and equal specs are equal.</summary>
public sealed class ModelTests
{
    [Fact]
    public void Models_hold_no_object_of_the_compiler()
    {
        GeneratorRun run = new UserProgram([.. Specs.All.Values.Select(spec => spec.Source)]).Run();
        string[] steps =
        [
            AttentionKernelGenerator.ParseStep, AttentionKernelGenerator.ModelStep, AttentionKernelGenerator.FileNamesStep,
            AttentionKernelGenerator.NamedModelStep, AttentionKernelGenerator.RuntimeStep,
        ];

        var models = 0;
        foreach (string step in steps)
        {
            foreach ((object value, _) in run.Result.TrackedSteps[step].SelectMany(found => found.Outputs))
            {
                models += value is SpecModel ? 1 : 0;
                foreach ((string path, object part) in Reachable(step, value))
                {
                    Assert.False(IsOfTheCompiler(part.GetType()), $"{path} is a {part.GetType()}.");
                }
            }
        }

        Assert.Equal(3 * Specs.All.Count, models);
    }

    [Fact]
    public void The_walk_above_would_find_one()
    {
        GeneratorRun run = new UserProgram(Specs.All["MhaFloat32"].Source).Run();
        var hidden = new { Deep = new[] { new Lazy<object>(() => run.Input.Assembly) } };
        Assert.NotNull(hidden.Deep[0].Value);
        Assert.Contains(Reachable("", hidden), found => IsOfTheCompiler(found.Value.GetType()));
    }

    [Theory]
    [MemberData(nameof(Specs.Names), MemberType = typeof(Specs))]
    public void Models_are_equal_by_what_they_say(string name)
    {
        SpecModel first = Model(name), second = Model(name);
        Assert.NotSame(first, second);
        Assert.Equal(first, second);
        Assert.Equal(first.GetHashCode(), second.GetHashCode());
        Assert.All(Specs.All.Keys.Where(other => other != name), other => Assert.NotEqual(first, Model(other)));

        static SpecModel Model(string name) => (SpecModel)new UserProgram(Specs.All[name].Source).Run()
            .Result.TrackedSteps[AttentionKernelGenerator.NamedModelStep].Single().Outputs.Single().Value;
    }

    private static bool IsOfTheCompiler(Type type) =>
        typeof(ISymbol).IsAssignableFrom(type) || typeof(SyntaxNode).IsAssignableFrom(type) || typeof(SyntaxTree).IsAssignableFrom(type)
        || typeof(Compilation).IsAssignableFrom(type) || typeof(Location).IsAssignableFrom(type)
        || typeof(SemanticModel).IsAssignableFrom(type)
        || type.Assembly.GetName().Name!.StartsWith("Microsoft.CodeAnalysis", StringComparison.Ordinal);

    /// <summary>All objects that can be reached through fields, whoever declares them, and through the elements of arrays.</summary>
    private static IEnumerable<(string Path, object Value)> Reachable(string path, object? root)
    {
        var seen = new HashSet<object>(ReferenceEqualityComparer.Instance);
        var waiting = new Stack<(string Path, object? Value)>([(path, root)]);
        while (waiting.TryPop(out (string Path, object? Value) item))
        {
            if (item.Value is not { } value || (!value.GetType().IsValueType && !seen.Add(value)))
            {
                continue;
            }

            yield return (item.Path, value);
            Type type = value.GetType();
            if (type.IsPrimitive || type.IsEnum || value is string or Type or Pointer or MemberInfo || IsOfTheCompiler(type))
            {
                continue;
            }

            if (value is Array array)
            {
                foreach (object? element in (IEnumerable)array)
                {
                    waiting.Push((item.Path + "[]", element));
                }
            }

            for (Type? declaring = type; declaring is not null; declaring = declaring.BaseType)
            {
                foreach (FieldInfo field in declaring.GetFields(
                    BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
                {
                    if (!field.FieldType.IsPointer)
                    {
                        waiting.Push(($"{item.Path}.{field.Name}", field.GetValue(value)));
                    }
                }
            }
        }
    }
}
