// Names that C# keeps for itself, that meet in a file system, that are too long for one, or that generated code has uses for.
using Att = Kernels.AttentionKernelAttribute;

#pragma warning disable CS8981 // only lower-case ASCII letters
[Att(1, 1, 8)] public sealed partial class attention;
#pragma warning restore CS8981

[Att(1, 1, 8)] public sealed partial class @dynamic;
[Att(1, 1, 8)] public sealed partial class @args;
[Att(1, 1, 8)] public sealed partial class @nint;
[Att(1, 1, 8)] public sealed partial class @class;
[Att(1, 1, 8)] public sealed partial class @record;
[Att(1, 1, 8)] public sealed partial class @aux;
[Att(1, 1, 8)] public sealed partial class Spec;
[Att(1, 1, 8)] public sealed partial class SPEC;
[Att(1, 1, 8)] public sealed partial class Été;
[Att(1, 1, 8)] public sealed partial class Été;
[Att(1, 1, 8)]
public sealed partial class ATypeNameThatGoesOnAndOnUntilNoFileSystemWouldTakeItAndThenSomeMoreSinceNobodyStopsItFromGoingOnAndOnAndOnAndOnAndOnAndOnOne;
[Att(1, 1, 8)]
public sealed partial class ATypeNameThatGoesOnAndOnUntilNoFileSystemWouldTakeItAndThenSomeMoreSinceNobodyStopsItFromGoingOnAndOnAndOnAndOnAndOnAndOnTwo;
[Att(1, 1, 8)] public sealed partial class 注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注;

namespace @namespace.dynamic
{
    public partial record struct @struct
    {
        public partial interface IOuter
        {
            [Att(1, 1, 8, PageSize = 4, Storage = global::Kernels.ElementType.Float16)] public sealed partial class @event;
        }
    }
}

namespace Kernels.OpenCL.Foo
{
    /// <summary>A namespace inside the runtime's, with names of the framework's.</summary>
    public static partial class System
    {
        public static partial class Attention
        {
            [Att(1, 1, 8, Sinks = true)]
            public sealed partial class Kernels
            {
                private readonly int checkedNumber = KvHeads - 2;

                public int Number => unchecked((int)(uint)checkedNumber);

                public static int Get() => 3;

                public static class Console;

                public static class Half;
            }
        }
    }
}
