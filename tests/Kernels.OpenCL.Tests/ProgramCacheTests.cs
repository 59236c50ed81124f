namespace Kernels.OpenCL.Tests;

public sealed class ProgramCacheTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [SkippableFact]
    public void TheSameProgramIsCompiledOnce()
    {
        using ComputeDevice device = Open();
        using ComputeProgram first = device.Programs.GetOrBuild(Sources.Basics);
        using ComputeProgram second = device.Programs.GetOrBuild(Sources.Basics);
        Assert.Equal(1, device.Programs.Compilations);
        Assert.False(first.FromDiskCache);
        Assert.Equal(["eight_by_two", "is_null", "place", "reverse", "scale", "values"], first.KernelNames.Order(StringComparer.Ordinal));
        first.Dispose();
        using ComputeKernel kernel = second.CreateKernel("place");
        Assert.Equal("place", kernel.Name);
        Assert.Contains("place", Assert.Throws<ArgumentException>(() => second.CreateKernel("plaice")).Message);
    }

    [SkippableFact]
    public void OptionsMakeAnotherProgram()
    {
        using ComputeDevice device = Open();
        byte[] source = [.. "kernel void number(global int* b) { b[0] = NUMBER; }"u8];
        Assert.Equal(1, Run(device, device.Programs.GetOrBuild(source, "-DNUMBER=1")));
        Assert.Equal(2, Run(device, device.Programs.GetOrBuild(source, "-DNUMBER=2")));
        Assert.Equal(2, device.Programs.Compilations);
        Assert.Equal(1, Run(device, device.Programs.GetOrBuild(source, "  -cl-std=CL1.2 -DNUMBER=1")));
        Assert.Equal(2, device.Programs.Compilations);
    }

    [SkippableTheory]
    [InlineData("-cl-finite-math-only")]
    [InlineData("-DX=1 -cl-fast-relaxed-math")]
    [InlineData("-cl-unsafe-math-optimizations -Werror")]
    public void OptionsThatForgetInfinityAreRefused(string options)
    {
        using ComputeDevice device = Open();
        Assert.Contains("infinities", Assert.Throws<ArgumentException>(() => device.Programs.GetOrBuild(Sources.Basics, options)).Message);
    }

    [SkippableFact]
    public void AnEmptySourceIsRefused()
    {
        using ComputeDevice device = Open();
        Assert.Throws<ArgumentException>(() => device.Programs.GetOrBuild([]));
        Assert.Throws<ArgumentException>(() => device.Programs.GetOrLoad([]));
        Assert.Throws<ArgumentNullException>(() => device.Programs.GetOrBuild(Sources.Basics, null!));
    }

    [SkippableFact]
    public void ABuildFailureShowsEverything()
    {
        using ComputeDevice device = Open();
        byte[] source = [.. "// one\n// two\nkernel void broken(global int* b) { b[0] = undeclared_name; }\n// four\n"u8];
        ProgramBuildException e = Assert.Throws<ProgramBuildException>(
            () => device.Programs.GetOrBuild(source, "-DSOME=1", "the broken one"));
        Assert.Equal(-11, e.Code);
        Assert.Equal("CL_BUILD_PROGRAM_FAILURE", e.CodeName);
        Assert.Equal("the broken one", e.ProgramName);
        Assert.Equal(device.ToString(), e.DeviceName);
        Assert.Equal("-cl-std=CL1.2 -DSOME=1", e.Options);
        Assert.Contains("undeclared_name", e.Log);
        Assert.Equal(
            "1 | // one\n2 | // two\n3 | kernel void broken(global int* b) { b[0] = undeclared_name; }\n4 | // four\n", e.NumberedSource);
        foreach (string part in (string[])["the broken one", e.DeviceName, e.Options, e.Log.Trim(), e.NumberedSource, e.CodeName])
        {
            Assert.Contains(part, e.Message);
        }

        // Not kept: neither in memory nor on disk, and the device goes on.
        Assert.Throws<ProgramBuildException>(() => device.Programs.GetOrBuild(source, "-DSOME=1"));
        Assert.Equal(2, device.Programs.Compilations);
        Assert.Empty(folder.Files);
        Assert.Equal(5, Run(device, device.Programs.GetOrBuild(Sources.Numbered(5))));
    }

    [Fact]
    public void LinesAreNumberedAsCompilersCountThem()
    {
        string numbered = SourceText.Number([.. string.Concat(Enumerable.Range(1, 10).Select(i => $"line{i}\r\n")).Select(c => (byte)c)]);
        Assert.StartsWith(" 1 | line1\n 2 | line2\n", numbered);
        Assert.EndsWith("10 | line10\n", numbered);
    }

    [SkippableFact]
    public void TheNextDeviceFindsTheBinaryOnDisk()
    {
        using (ComputeDevice first = Open())
        {
            Assert.Equal(5, Run(first, first.Programs.GetOrBuild(Sources.Numbered(5))));
        }

        Assert.EndsWith(".clbin", Assert.Single(folder.Files));
        using ComputeDevice second = Open();
        using ComputeProgram program = second.Programs.GetOrBuild(Sources.Numbered(5));
        Assert.True(program.FromDiskCache);
        Assert.Equal(0, second.Programs.Compilations);
        Assert.Equal(["number"], program.KernelNames);
        Assert.Equal(5, Run(second, program));
    }

    [SkippableFact]
    public void TheNextProcessFindsTheBinaryOnDisk()
    {
        Skip.If(ComputeDevice.Enumerate().Count == 0, "There is no OpenCL device on this machine.");
        Assert.Equal("False 1", Child.Run(["build", folder.Path]));
        Assert.Equal("True 0", Child.Run(["build", folder.Path]));
    }

    [SkippableTheory]
    [InlineData("empty")]
    [InlineData("truncated")]
    [InlineData("truncated header")]
    [InlineData("grown")]
    [InlineData("flipped")]
    [InlineData("wrong magic")]
    [InlineData("another program's")]
    [InlineData("not the driver's")]
    public void AFileThatIsNotWhatItShouldBeIsRebuilt(string damage)
    {
        string path;
        byte[] sound;
        using (ComputeDevice device = Open())
        {
            Assert.Equal(6, Run(device, device.Programs.GetOrBuild(Sources.Numbered(6))));
            path = Assert.Single(folder.Files);
            sound = File.ReadAllBytes(path);
            Assert.Equal(7, Run(device, device.Programs.GetOrBuild(Sources.Numbered(7))));
            byte[] damaged = [.. sound];
            switch (damage)
            {
                case "empty":
                    damaged = [];
                    break;
                case "truncated":
                    damaged = sound[..^1];
                    break;
                case "truncated header":
                    damaged = sound[..20];
                    break;
                case "grown":
                    damaged = [.. sound, 0];
                    break;
                case "flipped":
                    damaged[^20] ^= 1;
                    break;
                case "wrong magic":
                    damaged[0] ^= 1;
                    break;
                case "another program's":
                    damaged = File.ReadAllBytes(folder.Files.Single(file => file != path));
                    break;
                default:
                    SkipWhereForeignBinariesAbort(device);
                    new ProgramBinaryStore(folder.Path, 1 << 20).Save(
                        ProgramKey.Of(ProgramForm.Source, Sources.Numbered(6), "-cl-std=CL1.2", device.Capabilities),
                        "no binary of any driver"u8);
                    damaged = File.ReadAllBytes(path);
                    Assert.NotEqual(sound, damaged);
                    break;
            }

            File.WriteAllBytes(path, damaged);
        }

        using (ComputeDevice device = Open())
        {
            using ComputeProgram program = device.Programs.GetOrBuild(Sources.Numbered(6));
            Assert.False(program.FromDiskCache);
            Assert.Equal(1, device.Programs.Compilations);
            Assert.Equal(6, Run(device, program));
        }

        // And the file is mended.
        using ComputeDevice last = Open();
        Assert.True(last.Programs.GetOrBuild(Sources.Numbered(6)).FromDiskCache);
        Assert.Equal(2, folder.Files.Length);
    }

    [SkippableFact]
    public void AFolderThatCannotBeMadeIsDoneWithout()
    {
        string file = Path.Combine(folder.Path, "a file");
        File.WriteAllText(file, "in the way");
        using ComputeDevice device = DeviceOrSkip(new() { UseDisk = true, Directory = Path.Combine(file, "below it") });
        Assert.Equal(8, Run(device, device.Programs.GetOrBuild(Sources.Numbered(8))));
        Assert.Equal(1, device.Programs.Compilations);
    }

    /// <summary>PoCL keeps what it compiles itself; another driver's binaries are kept here.</summary>
    [SkippableFact]
    public void UnlessToldADriverThatKeepsProgramsIsLeftToIt()
    {
        using ComputeDevice device = DeviceOrSkip(new() { Directory = folder.Path });
        Assert.Equal(7, Run(device, device.Programs.GetOrBuild(Sources.Numbered(7))));
        Assert.Equal(device.Capabilities.PlatformName == "Portable Computing Language" ? 0 : 1, folder.Files.Length);
    }

    [SkippableFact]
    public void TheDiskCanBeLeftAlone()
    {
        using ComputeDevice device = DeviceOrSkip(new() { UseDisk = false, Directory = folder.Path });
        Assert.Equal(8, Run(device, device.Programs.GetOrBuild(Sources.Numbered(8))));
        Assert.Empty(folder.Files);
    }

    [Fact]
    public void TheFolderIsKeptToItsSize()
    {
        ProgramBinaryStore store = new(folder.Path, maxBytes: 3500);
        ProgramKey[] keys = [.. Enumerable.Range(0, 5).Select(i => new ProgramKey(0, (UInt128)i))];
        DateTime start = DateTime.UtcNow - TimeSpan.FromMinutes(10);
        for (int i = 0; i < 3; i++)
        {
            store.Save(keys[i], new byte[1000]);
            File.SetLastWriteTimeUtc(store.PathOf(keys[i]), start.AddMinutes(i));
        }

        Assert.Equal(3, folder.Files.Length);
        Assert.NotNull(store.TryLoad(keys[0]));
        store.Save(keys[3], new byte[1000]);
        Assert.Null(store.TryLoad(keys[1]));
        Assert.NotNull(store.TryLoad(keys[0]));
        Assert.NotNull(store.TryLoad(keys[2]));
        Assert.NotNull(store.TryLoad(keys[3]));
        store.Save(keys[4], new byte[4000]);
        Assert.Null(store.TryLoad(keys[4]));
        Assert.Equal(3, folder.Files.Length);
    }

    [Fact]
    public void AbandonedTemporaryFilesAreCleared()
    {
        string old = Path.Combine(folder.Path, "old.tmp");
        string fresh = Path.Combine(folder.Path, "fresh.tmp");
        File.WriteAllText(old, "left by a process that died");
        File.WriteAllText(fresh, "being written now");
        File.SetLastWriteTimeUtc(old, DateTime.UtcNow - TimeSpan.FromHours(2));
        new ProgramBinaryStore(folder.Path, 1 << 20).Save(default, [1, 2, 3]);
        Assert.False(File.Exists(old));
        Assert.True(File.Exists(fresh));
    }

    [Fact]
    public void KeysTellEveryPartApart()
    {
        DeviceCapabilities device = DeviceSelectorTests.Fake(0, 0, "Device", "Platform", DeviceKind.Gpu).Capabilities;
        ProgramKey[] keys =
        [
            ProgramKey.Of(ProgramForm.Source, "ab"u8, "c", device),
            ProgramKey.Of(ProgramForm.Binary, "ab"u8, "c", device),
            ProgramKey.Of(ProgramForm.Source, "a"u8, "bc", device),
            ProgramKey.Of(ProgramForm.Source, "ab"u8, "d", device),
            ProgramKey.Of(ProgramForm.Source, "ab"u8, "c", device with { Name = "Other" }),
            ProgramKey.Of(ProgramForm.Source, "ab"u8, "c", device with { DriverVersion = "2" }),
            ProgramKey.Of(ProgramForm.Source, "ab"u8, "c", device with { PlatformVersion = "OpenCL 3.1" }),
        ];
        Assert.Equal(keys.Length, keys.Distinct().Count());
        Assert.Equal(keys[0], ProgramKey.Of(ProgramForm.Source, "ab"u8, "c", device with { ComputeUnits = 99 }));
        Assert.Matches("^[0-9a-f]{64}$", keys[0].ToString());
    }

    [SkippableFact]
    public void EightThreadsBuildTheSameProgramOnce()
    {
        using ComputeDevice device = Open();
        int[] results = InEightThreads(_ => Run(device, device.Programs.GetOrBuild(Sources.Numbered(3))));
        Assert.All(results, result => Assert.Equal(3, result));
        Assert.Equal(1, device.Programs.Compilations);
    }

    [SkippableFact]
    public void EightThreadsBuildEightPrograms()
    {
        using ComputeDevice device = Open();
        int[] results = InEightThreads(thread => Run(device, device.Programs.GetOrBuild(Sources.Numbered(100 + thread))));
        Assert.Equal(Enumerable.Range(100, 8), results);
        Assert.Equal(8, device.Programs.Compilations);
        Assert.Equal(8, folder.Files.Length);
    }

    /// <summary>Programs build while kernels of others run, which drivers compile at their first launch of a size.</summary>
    [SkippableFact]
    public void ThreadsBuildWhileOthersLaunch()
    {
        using ComputeDevice device = DeviceOrSkip(new() { UseDisk = false });
        int[] results = InEightThreads(thread =>
        {
            for (int round = 0; round < 3; round++)
            {
                int number = 1000 + (8 * round) + thread;
                Assert.Equal(number, Run(device, device.Programs.GetOrBuild(Sources.Numbered(number))));
            }

            return thread;
        });
        Assert.Equal(Enumerable.Range(0, 8), results);
        Assert.Equal(24, device.Programs.Compilations);
    }

    [SkippableFact]
    public void FailuresAmongThreadsStayWithTheirProgram()
    {
        using ComputeDevice device = Open();
        int[] results = InEightThreads(thread =>
        {
            if (thread % 2 == 0)
            {
                return Run(device, device.Programs.GetOrBuild(Sources.Numbered(200 + thread)));
            }

            Assert.Throws<ProgramBuildException>(() => device.Programs.GetOrBuild("kernel void broken(global int* b) { b[0] = ; }"u8));
            return 200 + thread;
        });
        Assert.Equal(Enumerable.Range(200, 8), results);
    }

    [SkippableFact]
    public async Task BuildsOnAnotherThread()
    {
        using ComputeDevice device = Open();
        using ComputeProgram program = await device.Programs.BuildAsync(Sources.Numbered(4));
        Assert.Equal(4, Run(device, program));
        await Assert.ThrowsAsync<ProgramBuildException>(
            () => device.Programs.BuildAsync("kernel void broken(global int* b) { b[0] = ; }"u8.ToArray()));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => device.Programs.BuildAsync(Sources.Numbered(4), cancellationToken: new CancellationToken(canceled: true)));
    }

    [SkippableFact]
    public void ABinaryIsLoadedAgain()
    {
        using ComputeDevice device = Open();
        using ComputeProgram source = device.Programs.GetOrBuild(Sources.Numbered(9));
        byte[] binary = source.GetBinary();
        Assert.NotEmpty(binary);
        using ComputeProgram loaded = device.Programs.GetOrLoad(binary);
        Assert.Equal(9, Run(device, loaded));
        Assert.Equal(1, device.Programs.Compilations);
        source.Dispose();
        Assert.Throws<ObjectDisposedException>(() => source.GetBinary());
    }

    [SkippableFact]
    public void ABinaryThatTheDriverRefusesIsABuildFailure()
    {
        using ComputeDevice device = Open();
        SkipWhereForeignBinariesAbort(device);
        ProgramBuildException e = Assert.Throws<ProgramBuildException>(
            () => device.Programs.GetOrLoad([1, 2, 3, 4, 250], name: "the binary"));
        Assert.Equal("the binary", e.ProgramName);
        Assert.Equal("(5 bytes of binary)", e.NumberedSource);
        Assert.Contains("the binary", e.Message);
    }

    [Theory]
    [InlineData(null, null, null)]
    [InlineData("", null, null)]
    [InlineData("off", false, null)]
    [InlineData("OFF", false, null)]
    [InlineData("/some/folder", null, "/some/folder")]
    public void TheEnvironmentChoosesTheFolder(string? value, bool? useDisk, string? directory)
    {
        ProgramCacheOptions options = ProgramCacheOptions.Parse(value);
        Assert.Equal(useDisk, options.UseDisk);
        Assert.Equal(directory ?? new ProgramCacheOptions().Directory, options.Directory);
    }

    private static ComputeDevice DeviceOrSkip(ProgramCacheOptions options)
    {
        Skip.If(ComputeDevice.Enumerate().Count == 0, "There is no OpenCL device on this machine.");
        return ComputeDevice.Open(options: new() { ProgramCache = options });
    }

    private static void SkipWhereForeignBinariesAbort(ComputeDevice device) => Skip.If(
        device.Capabilities.PlatformName == "rusticl",
        "rusticl ends the whole process when it is given a binary that is not its own.");

    private static int Run(ComputeDevice device, ComputeProgram program)
    {
        using ComputeKernel kernel = program.CreateKernel("number");
        using DeviceBuffer<int> buffer = device.Allocate<int>(1);
        device.Queue.Submit(kernel.Set(0, buffer), 1, 1);
        int[] data = new int[1];
        device.Queue.Read(buffer, data);
        return data[0];
    }

    private static int[] InEightThreads(Func<int, int> work)
    {
        int[] results = new int[8];
        Exception?[] failures = new Exception?[8];
        using Barrier start = new(8);
        Thread[] threads = [.. Enumerable.Range(0, 8).Select(i => new Thread(() =>
        {
            start.SignalAndWait();
            try
            {
                results[i] = work(i);
            }
            catch (Exception e)
            {
                failures[i] = e;
            }
        }))];
        foreach (Thread thread in threads)
        {
            thread.Start();
        }

        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        Assert.All(failures, Assert.Null);
        return results;
    }

    private ComputeDevice Open() => DeviceOrSkip(new() { UseDisk = true, Directory = folder.Path });
}
